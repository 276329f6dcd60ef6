"""What spreadsheet programs show for truth values, in the language of their user."""

from __future__ import annotations

SHOWN = (
    ("true", "false"),
    ("pravda", "nepravda"),
    ("wahr", "falsch"),
    ("vrai", "faux"),
    ("verdadero", "falso"),
    ("verdadeiro", "falso"),
    ("vero", "falso"),
    ("prawda", "fałsz"),
    ("igaz", "hamis"),
    ("waar", "onwaar"),
    ("adevărat", "fals"),
    ("sant", "usant"),
    ("sand", "falsk"),
    ("tosi", "epätosi"),
    ("doğru", "yanlış"),
    ("истина", "ложь"),
    ("істина", "хибність"),
)
TRUE_WORDS, FALSE_WORDS = map(frozenset, zip(*SHOWN, strict=True))
