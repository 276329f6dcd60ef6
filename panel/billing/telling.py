"""What the daily run did, in words."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from panel.access import may
from panel.words import money_in_words
from sync.words import later

_DONE = {
    "charges": (later("%(num)d charge of %(amount)s"), later("%(num)d charges of %(amount)s together")),
    "blocked": (later("%(num)d customer blocked"), later("%(num)d customers blocked")),
    "deactivated": (later("%(num)d customer deactivated"), later("%(num)d customers deactivated")),
    "reactivated": (later("%(num)d customer active again"), later("%(num)d customers active again")),
    "planned": (later("%(num)d planned change"), later("%(num)d planned changes")),
}
"""What the sums of a run are called, for one and for several."""


def did_in_words(sums: Mapping[str, Any]) -> str:
    """Return what was done; what was charged is for those who see the billing."""
    amount, untold = money_in_words(Decimal(sums.get("charged", "0"))), () if may("billing.view") else ("charges",)
    told = [
        str(ngettext(one, several, sums[name], amount=amount))
        for name, (one, several) in _DONE.items()
        if sums.get(name) and name not in untold
    ]
    return f"{', '.join(told)}." if told else str(_("Nothing was due."))


def has_done(sums: Mapping[str, Any]) -> bool:
    """Tell whether anything was done at all."""
    return any(sums.get(name) for name in _DONE)
