"""A value of every field type: hypothesis strategies, and the fields that take what they draw."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from sync.cells import RawCell, clean_text
from sync.fields import Field, Option
from sync.types import FIELD_TYPES
from sync.types.numbers import NEVER
from sync.types.text import comparable

CITIES = (
    Option("brno", "Brno"),
    Option("praha", "Praha"),
    Option("hk", "Hradec, Králové"),
    Option("q", 'The "Q"; quoted'),
    Option("space", " outer space "),
    Option("year", "2024"),
    Option("agent", "007"),
    Option("part", "1-2"),
)
PARTNERS = (Option(1, "Main"), Option(2, "North, East"), Option(7, "2"))
RELATIONS = ["relation", "multi_relation"]
OPTIONS = {"select": CITIES, "multi_select": CITIES, "reference": PARTNERS} | dict.fromkeys(
    [*RELATIONS, "file"], PARTNERS
)


def field(key: str, **rules: Any) -> Field:
    return Field(key, key.title(), key, **{"options": OPTIONS.get(key, ()), **rules})


def parse(key: str, raw: RawCell, **rules: Any) -> Any:
    return FIELD_TYPES[key].parse(raw, field(key, **rules))


def text_values(**more: Any) -> st.SearchStrategy[str]:
    # Of nothing but U+FFFD, which programs write for what they cannot hold, a text is no text.
    return st.text(**more).map(clean_text).filter(comparable)


def decimals(scale: int | None) -> st.SearchStrategy[Decimal]:
    numbers = st.decimals(min_value=-(10**18), max_value=10**18, places=scale if scale is not None else 5)
    return numbers.map(lambda number: parse("decimal", f"{number:f}", scale=scale))


MACS = st.binary(min_size=6, max_size=6).map(lambda octets: octets.hex(":"))
WORDS = st.from_regex(r"[a-z][a-z0-9]{0,9}", fullmatch=True)
EMAILS = st.tuples(st.from_regex(r"[A-Za-z0-9_+-]{1,12}", fullmatch=True), WORDS).map(
    lambda parts: f"{parts[0]}@{parts[1]}.com"
)
PHONES = st.one_of(
    st.from_regex(r"[0-9][0-9 ]{3,12}[0-9]", fullmatch=True),
    st.from_regex(r"\+(420|44|49|1|39)[0-9]{7,10}", fullmatch=True),
).map(lambda text: parse("phone", text))

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": text_values(),
    "text": text_values(),
    "integer": st.integers(-(2**63), 2**63 - 1),
    "decimal": decimals(None),
    "money": decimals(2),
    "date": st.dates(),
    "datetime": st.datetimes().map(lambda moment: moment.replace(microsecond=0)),
    "boolean": st.booleans(),
    "select": st.sampled_from([option.key for option in CITIES]),
    "multi_select": st.sets(st.sampled_from(range(len(CITIES))), min_size=1).map(
        lambda places: tuple(CITIES[place].key for place in sorted(places))
    ),
    "email": EMAILS,
    "phone": PHONES.filter(lambda value: isinstance(value, str)),
    "url": WORDS.map(lambda word: f"https://{word}.example.com/{word}?q={word}"),
    "ip": st.ip_addresses().map(str),
    "mac": MACS,
    "password": text_values().filter(lambda text: parse("password", text) is not None),
    "relation": st.sampled_from([option.key for option in PARTNERS]),
    "multi_relation": st.sampled_from([(1,), (1, 2), (2, 7), (1, 2, 7)]),
    "file": st.sampled_from([option.key for option in PARTNERS]),
    "emails": st.lists(EMAILS, min_size=1, max_size=4, unique_by=str.casefold).map(tuple),
    "phones": st.lists(PHONES.filter(lambda value: isinstance(value, str)), min_size=1, max_size=4, unique=True).map(
        tuple
    ),
    "reference": st.sampled_from([option.key for option in PARTNERS]),
    "geo": st.tuples(st.integers(-90_000_000, 90_000_000), st.integers(-180_000_000, 180_000_000)).map(
        lambda micro: parse("geo", f"{Decimal(micro[0]) / 10**6:f}, {Decimal(micro[1]) / 10**6:f}")
    ),
    "secret": text_values().filter(lambda text: parse("secret", text) is not None),
    "days": st.integers(NEVER, 2**63 - 1),
}
