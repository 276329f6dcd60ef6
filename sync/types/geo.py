"""A place on the map, as one text: latitude and longitude belong together."""

from __future__ import annotations

import re
from decimal import Decimal

from sync.fields import Bad, Example
from sync.types.digits import plain_digits, without_trailing_zeros
from sync.types.text import quoted
from sync.types.value import LineType
from sync.words import later, say

_NUMBER = r"([+-]?[0-9]{1,3}(?:\.[0-9]{1,15})?)"
_PLACE = re.compile(rf"{_NUMBER}(?:\s*[,;]\s*|\s+){_NUMBER}")
# Where commas are decimal points, something else, or one more of them, stands between the two.
_DECIMAL = r"([+-]?[0-9]{1,3},[0-9]{1,15})"
_WITH_COMMAS = re.compile(rf"{_DECIMAL}(?:\s*[,;]\s*|\s+){_DECIMAL}")
_NORTH, _EAST = 90, 180


class GeoType(LineType):
    """Latitude and longitude in decimal degrees."""

    key = "geo"
    label = later("Geo data")
    additional = False
    width = 24
    hint = later("Latitude and longitude, such as 49.990279, 36.230389")
    examples = (
        Example("49.990279, 36.230389", "49.990279, 36.230389", "49.990279, 36.230389"),
        Example("49.990279;36.230389", "49.990279, 36.230389", "49.990279, 36.230389"),
        Example("-33.80 +151.0", "-33.8, 151", "-33.8, 151"),
        Example("-0.0, 0", "0, 0", "0, 0"),
        Example("50,0755; 14,4378", "50.0755, 14.4378", "50.0755, 14.4378"),
        Example("50,0755, 14,4378", "50.0755, 14.4378", "50.0755, 14.4378"),
        Example("50,14", "50, 14", "50, 14"),
        Example("", None, None),
        Example("Brno", Bad("'Brno' is no place on the map. Write it as 49.990279, 36.230389."), None),
        Example(49.990279, Bad("'49.990279' is no place on the map. Write it as 49.990279, 36.230389."), None),
        Example("91, 0", Bad("'91, 0' is no place on the map: latitude goes from -90 to 90."), None),
        Example("0, 181", Bad("'0, 181' is no place on the map: longitude goes from -180 to 180."), None),
    )

    def spell(self, text: str) -> str | Bad:
        """Return latitude and longitude without idle zeros."""
        if commas := _WITH_COMMAS.fullmatch(text):
            text = ", ".join(part.replace(",", ".") for part in commas.groups())
        if not (match := _PLACE.fullmatch(text)):
            return Bad(say("%(value)s is no place on the map. Write it as 49.990279, 36.230389.", value=quoted(text)))
        latitude, longitude = (without_trailing_zeros(Decimal(part)) for part in match.groups())
        if abs(latitude) > _NORTH:
            return Bad(say("%(value)s is no place on the map: latitude goes from -90 to 90.", value=quoted(text)))
        if abs(longitude) > _EAST:
            return Bad(say("%(value)s is no place on the map: longitude goes from -180 to 180.", value=quoted(text)))
        return f"{plain_digits(latitude)}, {plain_digits(longitude)}"

    def measure(self, value: str) -> None:
        """Return nothing: a place has no size."""

    def looks_like(self, text: str) -> bool:
        """Tell that no column of a foreign file is surely a place: it would not become a field."""
        return False
