"""The map's pictures: where they come from, if an operator has said so, and what that allows a browser to ask."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sync.errors import SyncError

_HOST = re.compile(r"(https?://)(\{s\}\.)?([A-Za-z0-9.-]+(?::[0-9]{1,5})?)/[^\s;,'\"<>\\]*")
_PATH = re.compile(r"/(?!/)[^\s;,'\"<>\\]*")


class UnusableTiles(SyncError):
    """The setting names no address of tiles."""


@dataclass(frozen=True, slots=True)
class Tiles:
    """Square pictures of the map: their address with {z}, {x}, {y}, and who is to be named for them.

    `source` is the one host that a browser may load them from, blank where that is the panel itself or none.
    """

    address: str = ""
    attribution: str = ""
    source: str = ""


def read_tiles(settings: Mapping[str, Any]) -> Tiles:
    """Return the tiles of the settings; raise `UnusableTiles` for an address that could allow more than one host."""
    address, attribution = settings["ROLLBOOK_MAP_TILES"].strip(), settings["ROLLBOOK_MAP_ATTRIBUTION"].strip()
    if not address:
        return Tiles()
    host = _HOST.fullmatch(address)
    if not (host or _PATH.fullmatch(address)) or not all(f"{{{part}}}" in address for part in "zxy"):
        raise UnusableTiles(
            f"ROLLBOOK_MAP_TILES is {address!r}. Write it as https://tiles.example.com/{{z}}/{{x}}/{{y}}.png."
        )
    source = f"{host[1]}{'*.' if host[2] else ''}{host[3]}" if host else ""
    return Tiles(address, attribution, source)


def with_tiles(policy: str, tiles: Tiles) -> str:
    """Return a content security policy that also allows the tiles' host as a source of pictures."""
    return policy.replace("img-src 'self'", f"img-src 'self' {tiles.source}") if tiles.source else policy
