"""Every field type: its table of examples, its laws, and what programs do to its cells."""

from __future__ import annotations

# ruff: noqa: DTZ001  a moment is naive: it is in the provider's own time
import dataclasses
import datetime as dt
import json
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sync.cells import CELL_LIMIT, Broken, Formula, RawCell, clean_text
from sync.fields import Bad, Damage, Example, Field, FieldType, Option
from sync.rows import convert
from sync.types import BY_SPECIFICITY, FIELD_TYPES
from sync.types.damage import misdecoded
from sync.types.dates import AmbiguousDate, orders_of
from sync.types.digits import significant
from sync.types.relations import unknown_names
from sync.types.secret import MASK
from sync.types.text import as_text, cell_length, comparable, quoted, unescape
from tests.resources import ROOT, shared
from tests.values import RELATIONS, VALUES, field, parse

ADDITIONAL = (
    "string text integer decimal money date datetime boolean select multi_select email phone url ip mac password "
    "relation multi_relation file"
).split()
BUILT_IN = ["emails", "phones", "reference", "geo", "secret", "days"]
ONE_LINE = ["email", "phone", "url", "ip", "mac", "geo"]
SECRET = ["password", "secret"]
FREE_TEXT = ["string", "text", *SECRET]


def unchanged(key: str, base: Any, raw: RawCell) -> bool:
    return FIELD_TYPES[key].unchanged(base, raw, field(key))


def example_field(key: str, example: Example) -> Field:
    return example.field or Field(key, key.title(), key)


EVERY_TYPE = pytest.mark.parametrize("key", list(FIELD_TYPES))
EVERY_EXAMPLE = pytest.mark.parametrize(
    ("key", "example"),
    [
        pytest.param(key, example, id=f"{key}-{str(example.raw)[:24]!r}-{place}")
        for key, field_type in FIELD_TYPES.items()
        for place, example in enumerate(field_type.examples)
    ],
)


# The registry


def test_the_registry_holds_the_types_of_the_design() -> None:
    assert [key for key, kind in FIELD_TYPES.items() if kind.additional] == ADDITIONAL
    assert {key for key, kind in FIELD_TYPES.items() if not kind.additional} == set(BUILT_IN)


@EVERY_TYPE
def test_every_type_says_what_it_is(key: str) -> None:
    kind = FIELD_TYPES[key]
    assert kind.key == key
    assert kind.label
    assert kind.hint
    assert kind.cell_format
    assert kind.width >= 8


@EVERY_TYPE
def test_every_type_has_examples_of_a_value_a_blank_and_a_refusal(key: str) -> None:
    values = [example.value for example in FIELD_TYPES[key].examples]
    assert any(isinstance(value, Bad) for value in values)
    assert None in values
    assert any(value is not None and not isinstance(value, Bad) for value in values)


def test_only_secrets_are_secret_and_only_sets_are_many() -> None:
    assert [key for key, kind in FIELD_TYPES.items() if kind.secret] == SECRET
    assert [key for key, kind in FIELD_TYPES.items() if kind.many] == [
        "multi_select",
        "multi_relation",
        "emails",
        "phones",
    ]


def test_sync_needs_neither_the_web_nor_a_database() -> None:
    modules = "sync.types, sync.values, sync.inference"
    check = f"import {modules}, sys; sys.exit(any(name in sys.modules for name in ('flask', 'sqlalchemy', 'panel')))"
    assert subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=False).returncode == 0


# The tables of examples


@EVERY_EXAMPLE
def test_an_example_means_what_it_says(key: str, example: Example) -> None:
    value = FIELD_TYPES[key].parse(example.raw, example_field(key, example))
    assert value == example.value
    assert type(value) is type(example.value)


@EVERY_EXAMPLE
def test_an_example_is_shown_and_stored_and_read_again(key: str, example: Example) -> None:
    kind, its_field, value = FIELD_TYPES[key], example_field(key, example), example.value
    if isinstance(value, Bad):
        return
    cell = kind.render(value, its_field)
    assert cell == example.cell
    assert type(cell) is type(example.cell)
    assert kind.renderer(its_field)(value) == cell
    assert kind.from_json(json.loads(json.dumps(kind.to_json(value)))) == value
    if not kind.secret:
        assert kind.parse(cell, its_field) == value
        assert kind.unchanged(value, cell, its_field)
        assert kind.damage(value, cell, its_field) is None


@EVERY_EXAMPLE
def test_a_refusal_is_a_sentence_without_blame(key: str, example: Example) -> None:
    if isinstance(example.value, Bad):
        message = example.value.message
        assert message.endswith((".", "?"))
        assert "!" not in message
        assert "invalid" not in message.lower()
        assert "None" not in message


@EVERY_TYPE
@pytest.mark.parametrize("blank", [None, "", Formula("")])
def test_a_blank_is_no_value(key: str, blank: RawCell) -> None:
    assert parse(key, blank) is None
    assert unchanged(key, None, blank)


@EVERY_TYPE
@pytest.mark.parametrize("white_space", [" ", "\t \n", "\u00a0", "\u202f\u2009", "\u200b"])
def test_white_space_alone_is_a_value_only_of_free_text(key: str, white_space: str) -> None:
    expected = white_space if key in ("string", "text") else None
    assert parse(key, white_space) == expected


@EVERY_TYPE
def test_a_cell_without_a_usable_value_is_bad_and_never_unchanged(key: str) -> None:
    its_field = field(key)
    for broken in (Broken("#N/A"), Broken("")):
        assert isinstance(FIELD_TYPES[key].parse(broken, its_field), Bad)
        assert not FIELD_TYPES[key].unchanged(None, broken, its_field)
        assert FIELD_TYPES[key].damage(None, broken, its_field) is None


@EVERY_TYPE
@pytest.mark.parametrize(
    "number",
    [float("nan"), float("inf"), 1e308, 10**400, Decimal("NaN"), Decimal("1E+99999999"), Decimal("1E-99999999")],
)
def test_a_number_that_nobody_can_mean_is_bad(key: str, number: RawCell) -> None:
    assert isinstance(parse(key, number), Bad)
    assert not unchanged(key, None, number)


@EVERY_TYPE
def test_text_that_no_cell_can_hold_is_bad(key: str) -> None:
    assert isinstance(parse(key, "x" * (CELL_LIMIT + 1)), Bad)
    assert isinstance(parse(key, "\U0001f600" * (CELL_LIMIT // 2 + 1)), Bad)


@EVERY_TYPE
@pytest.mark.parametrize(
    "raw", ["<b>\x00\ud800'\"", "=1+1", True, 1, 1.5, Decimal("1.5"), dt.date(2024, 1, 5), "1" * 32_767]
)
def test_every_type_has_an_answer_to_everything(key: str, raw: RawCell) -> None:
    kind, its_field = FIELD_TYPES[key], field(key)
    value = kind.parse(raw, its_field)
    if not isinstance(value, Bad) and value is not None:
        kind.render(value, its_field)
        kind.measure(value)
        assert isinstance(kind.key_of(value), str)
    assert isinstance(kind.damage(None, raw, its_field), Damage | None)


# Laws


SHOWN_TYPES = [key for key in FIELD_TYPES if key not in SECRET]


def test_every_type_has_generated_values() -> None:
    assert list(VALUES) == list(FIELD_TYPES)


@pytest.mark.parametrize("key", SHOWN_TYPES)
@given(data=st.data())
def test_what_is_shown_reads_as_the_same_value(key: str, data: st.DataObject) -> None:
    kind, its_field, value = FIELD_TYPES[key], field(key), data.draw(VALUES[key])
    cell = kind.render(value, its_field)
    assert kind.parse(cell, its_field) == value
    assert kind.renderer(its_field)(value) == cell
    assert kind.unchanged(value, cell, its_field)
    assert kind.unchanged(value, Formula(cell), its_field) if cell is not None else True
    assert kind.damage(value, cell, its_field) is None


@EVERY_TYPE
@given(data=st.data())
def test_what_is_stored_reads_as_the_same_value(key: str, data: st.DataObject) -> None:
    kind, value = FIELD_TYPES[key], data.draw(VALUES[key])
    assert kind.from_json(json.loads(json.dumps(kind.to_json(value)))) == value


def alike(key: str, base: Any, other: Any) -> bool:
    """Whether programs cannot keep two values apart."""
    if isinstance(base, str):
        return comparable(other) in (comparable(base), comparable(base).strip())
    return isinstance(base, Decimal) and significant(base) == significant(other)


@pytest.mark.parametrize("key", SHOWN_TYPES)
@given(data=st.data())
def test_another_value_is_never_taken_for_unchanged(key: str, data: st.DataObject) -> None:
    base, other = data.draw(VALUES[key]), data.draw(VALUES[key])
    assume(base != other and not alike(key, base, other))
    kind, its_field = FIELD_TYPES[key], field(key)
    reordered = kind.many and set(base) == set(other) and base[0] == other[0]
    assert kind.unchanged(base, kind.render(other, its_field), its_field) == reordered
    assert not kind.unchanged(None, kind.render(other, its_field), its_field)
    # Where no cell sets a value, a blank one is no opinion.
    blank = kind.unchanged(base, None, its_field)
    assert not (blank and kind.typed) or not as_text(kind.render(base, its_field) or "").strip()


@pytest.mark.parametrize("key", SHOWN_TYPES)
@given(data=st.data(), raw=st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.dates(), st.datetimes()))
def test_nothing_makes_a_type_fail(key: str, data: st.DataObject, raw: RawCell) -> None:
    kind, its_field, base = FIELD_TYPES[key], field(key), data.draw(VALUES[key])
    value = kind.parse(raw, its_field)
    kind.unchanged(base, raw, its_field)
    kind.damage(base, raw, its_field)
    if not isinstance(value, Bad):
        assert kind.parse(kind.render(value, its_field), its_field) == value


@pytest.mark.parametrize("key", ONE_LINE)
@given(text=st.text())
def test_outer_white_space_never_matters_to_a_line(key: str, text: str) -> None:
    value = parse(key, text)
    if isinstance(value, str):
        assert parse(key, f" \u00a0{text}\n") == value


# Text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain", "plain"),
        ("a\r\nb\rc\n\rd", "a\nb\nc\n\nd"),
        ("tab\there", "tab\there"),
        ("\x00\x01\x08\x0b\x0c\x0e\x1f\x7f", ""),
        ("\ud800lone\udfff", "lone"),
        ("\ufffe\uffff", ""),
        ("\ufffd stays", "\ufffd stays"),
        ("\x85\u2028\u00a0 stay", "\x85\u2028\u00a0 stay"),
        ("e\u0301 is not composed", "e\u0301 is not composed"),
        ("\U0001f600", "\U0001f600"),
    ],
)
def test_text_is_cleaned_of_what_no_workbook_holds(text: str, cleaned: str) -> None:
    assert clean_text(text) == cleaned
    assert clean_text(cleaned) == cleaned


@given(st.text())
def test_cleaned_text_is_clean(text: str) -> None:
    cleaned = clean_text(text)
    assert clean_text(cleaned) == cleaned
    cleaned.encode("utf-8")


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        ("a_x000D_b", "a\rb"),
        ("_x005F_x000D_", "\r"),
        ("_x005F_x005F_x000d_", "\r"),
        ("_x5F_", "_x5F_"),
        ("__x0041__", "_A_"),
        ("_x0041", "_x0041"),
        ("_x005F_" + "x005F_" * 5_000, "_"),
    ],
)
def test_escapes_are_undone_until_none_is_left(escaped: str, text: str) -> None:
    assert unescape(escaped) == text


def test_length_is_counted_as_the_format_counts_it() -> None:
    assert cell_length("abc") == 3
    assert cell_length("a\U0001f600") == 3


def test_a_long_value_is_quoted_in_short_and_on_one_line() -> None:
    assert quoted("a\nb") == "'a b'"
    assert quoted("x" * 99) == f"'{'x' * 40}…'"


NAUGHTY = "naughty-strings.json"


def naughty_strings() -> list[str]:
    strings: list[str] = json.loads((shared("data") / NAUGHTY).read_text(encoding="utf-8"))
    return strings


@pytest.mark.parametrize("key", FREE_TEXT)
def test_naughty_strings_are_kept_as_free_text(key: str) -> None:
    for text in naughty_strings():
        value = parse(key, text)
        assert value == (clean_text(text) or None) or (key in SECRET and value is None)
        assert FIELD_TYPES[key].secret or unchanged(key, value, value)


@pytest.mark.parametrize("key", [*ONE_LINE, "emails", "phones", "multi_select", "select", "integer", "decimal", "date"])
def test_naughty_strings_are_a_value_or_a_sentence(key: str) -> None:
    kind, its_field = FIELD_TYPES[key], field(key)
    for text in naughty_strings():
        value = kind.parse(text, its_field)
        if isinstance(value, Bad):
            assert "\n" not in value.message
        else:
            assert kind.parse(kind.render(value, its_field), its_field) == value


# The differences that are no edit, measured on real programs (facts/spreadsheets.md, "Comparing")

NOON = dt.datetime(2024, 1, 5, 12)


@pytest.mark.parametrize(
    ("key", "base", "raw"),
    [
        ("string", "a\nb", "a\r\nb"),
        ("string", "a\nb", "a\rb"),
        ("string", "a\nb", "a_x000D_\nb"),
        ("string", "a_x000D_b", "a\rb"),
        ("string", "a_x000D_b", "a_x005F_x000D_b"),
        ("string", "a x005F_ b", "a  b"),
        ("string", "a_x000D_b", "a\nb"),
        ("string", "ab", "a\x07b\ufffd"),
        ("string", " outer ", "outer"),
        ("string", "\nouter", "outer"),
        ("string", " ", None),
        ("string", None, "\x00"),
        ("string", "447911123456", 447911123456.0),
        ("string", "447911123456", 447911123456),
        ("string", "1.5", 1.5),
        ("string", "TRUE", True),
        ("string", "2024-01-05", dt.datetime(2024, 1, 5)),
        ("string", "2", Formula(2.0)),
        ("integer", 5, 5.0),
        ("integer", 5, "5"),
        ("integer", 5, "5.00"),
        ("integer", 1234567, "1 234 567"),
        ("integer", 1234567890123456, 1234567890123460.0),
        ("decimal", Decimal("0.3"), 0.1 + 0.2),
        ("decimal", Decimal("8.480262463668842E-10"), 8.48026246366884e-10),
        ("decimal", Decimal("29.85"), "29,85"),
        ("money", Decimal("29.90"), 29.9),
        ("money", Decimal("29.90"), "29.9"),
        ("money", Decimal("29.85"), 29.849999999999998),
        ("money", Decimal("29.85"), 29.849999999976717),
        ("money", Decimal("99999999999999.99"), 100000000000000),
        ("date", dt.date(2024, 1, 5), dt.datetime(2024, 1, 5)),
        ("date", dt.date(2024, 1, 5), 45296),
        ("date", dt.date(2024, 1, 5), 45296.0),
        ("date", dt.date(2024, 1, 5), "2024/01/05"),
        ("date", dt.date(1890, 1, 5), "1890-01-05"),
        ("date", dt.date(2024, 12, 31), "12/31/2024"),
        ("datetime", NOON, NOON.replace(microsecond=499_999)),
        ("datetime", NOON, dt.datetime(2024, 1, 5, 11, 59, 59, 500_000)),
        ("datetime", NOON, 45296.5),
        ("datetime", NOON, "2024-01-05T12:00:00"),
        ("boolean", True, True),
        ("boolean", True, Formula(True)),
        ("boolean", True, 1),
        ("boolean", False, 0.0),
        ("boolean", False, "nein"),
        ("boolean", True, "IGAZ"),
        ("decimal", Decimal("56.90"), "56,90"),
        ("geo", "50.0755, 14.4378", "50,0755 14,4378"),
        ("text", "a\nb", "a\r\nb"),
        ("select", "year", 2024.0),
        ("select", "brno", " BRNO"),
        ("select", "gone", "gone"),
        ("multi_select", ("brno", "hk"), "Hradec, Králové; Brno"),
        ("emails", ("a@x.com", "b@x.com", "c@x.com"), "a@x.com;c@x.com;b@x.com"),
        ("phone", "447911123456", 447911123456.0),
        ("phone", "+420 603 123 456", "+420603123456"),
        ("mac", "00:1a:2b:3c:4d:5e", "00-1A-2B-3C-4D-5E"),
        ("geo", "49.9, 36.2", "49.90,36.20"),
        ("secret", "s3cret", None),
        ("secret", "s3cret", ""),
        ("secret", "s3cret", MASK),
    ],
)
def test_what_programs_make_of_a_value_is_no_edit(key: str, base: Any, raw: RawCell) -> None:
    assert unchanged(key, base, raw)


@pytest.mark.parametrize(
    ("key", "base", "raw"),
    [
        ("string", "001042", "1042"),
        ("string", "001042", 1042),
        ("string", "Anna", "anna"),
        ("string", "Anna", " Anna"),
        ("string", "Anna", ""),
        ("string", "e\u0301", "\u00e9"),
        ("string", "a b", "a\u00a0b"),
        ("string", None, " "),
        ("integer", 1, True),
        ("integer", 1, 2),
        ("integer", 5, 5.4),
        ("integer", 1234567890123456, "1234567890123457"),
        ("decimal", Decimal("29.85"), 29.86),
        ("money", Decimal("29.85"), 29.854),
        ("money", Decimal("29.85"), "29.854"),
        ("money", Decimal("29.85"), None),
        ("date", dt.date(2024, 1, 5), dt.datetime(2024, 1, 5, 1)),
        ("date", dt.date(2024, 3, 4), "03/04/2024"),
        ("date", dt.date(2024, 1, 5), dt.date(2024, 1, 6)),
        ("datetime", NOON, NOON.replace(second=1)),
        ("boolean", True, False),
        ("boolean", True, ""),
        ("boolean", False, None),
        ("boolean", None, False),
        ("select", "brno", "Praha"),
        ("multi_select", ("brno", "hk"), "Brno"),
        ("emails", ("a@x.com", "b@x.com"), "b@x.com, a@x.com"),
        ("emails", ("a@x.com", "b@x.com"), "a@x.com"),
        ("phone", "0603 123 456", "603 123 456"),
        ("reference", 1, True),
        ("secret", "s3cret", "s3cret"),
        ("secret", None, "new"),
        ("string", "#N/A", Broken("#N/A")),
    ],
)
def test_a_real_edit_is_an_edit(key: str, base: Any, raw: RawCell) -> None:
    assert not unchanged(key, base, raw)


# Damage

ZEROS = "leading zeros were stripped"
NUMBER = "the text became a number"
DIGITS = "digits after the fifteenth were lost"
DATE = "the text became a date"
TIME = "the text became a time"
ENCODING = "letters were damaged by another encoding"
SPACES = "white space was replaced"
TABS = "tabs were lost, as on the way by an .ods file"
SWAPPED = "the separators of the number were swapped"
TRUTH = "the text became a truth value"
ORDER = "the date was written in another order"


@pytest.mark.parametrize(
    ("key", "base", "raw", "reason", "certain"),
    [
        ("string", "001042", 1042, ZEROS, True),
        ("string", "001042", 1042.0, ZEROS, True),
        ("string", "001042", "1042", ZEROS, False),
        ("phone", "0603 123 456", 603123456, ZEROS, True),
        ("phone", "+420 603 123 456", 420603123456.0, NUMBER, True),
        ("select", "agent", 7, ZEROS, True),
        ("string", "12E5", 1200000, NUMBER, True),
        ("string", "12E5", "1200000", NUMBER, False),
        ("string", "12E5", "1.20E+06", NUMBER, False),
        ("string", "1.50", 1.5, NUMBER, True),
        ("string", "50%", 0.5, NUMBER, True),
        ("string", "1234567890123456", 1234567890123460.0, DIGITS, True),
        ("string", "1234567890123456", 1234567890123450, DIGITS, True),
        ("string", "1234567890123456", "1234567890123450", DIGITS, False),
        ("string", "1234567890123456", "1.23457E+15", DIGITS, False),
        ("string", "00123456789012345678", 123456789012345000, DIGITS, True),
        ("integer", 1234567890123456, 1234567890123450, DIGITS, True),
        ("integer", 123456789012, "1.23457E+11", DIGITS, False),
        ("integer", 45296, dt.datetime(2024, 1, 5), "the number became a date", True),
        ("string", "1-2", dt.datetime(2024, 1, 2), DATE, True),
        ("string", "1-2", dt.date(2024, 2, 1), DATE, True),
        ("string", "1-2", 45293, DATE, True),
        ("string", "1-2", "02-Jan", DATE, False),
        ("string", "MAR1", dt.date(2024, 3, 1), DATE, True),
        ("string", "1/2/24", dt.date(2024, 2, 1), DATE, True),
        ("string", "2024-01-05", "05/01/2024", DATE, False),
        ("select", "part", dt.date(2024, 1, 2), DATE, True),
        ("string", "10:30", 0.4375, TIME, True),
        ("string", "10-12", dt.datetime(2026, 12, 10), DATE, True),
        ("string", "true", True, TRUTH, True),
        ("string", "TRUE", "WAHR", TRUTH, False),
        ("string", "FALSE", "NEPRAVDA", TRUTH, False),
        ("string", "Novák", "NovÃ¡k", ENCODING, False),
        ("string", "Jiří", "JiÅ™Ã\u00ad", ENCODING, False),
        ("string", "Jiří", "JiĹ™Ă\u00ad", ENCODING, False),
        ("string", "Jiří", "Jiøí", ENCODING, False),
        ("string", "Jiří", "Jiří".encode().decode("cp1252").encode().decode("cp1252"), ENCODING, False),
        ("string", "Jiří", "Ji\ufffd\ufffd", ENCODING, False),
        ("string", "Novák", "Nov?k", ENCODING, False),
        ("string", "Novák", "Nov\ufffdk", ENCODING, False),
        ("string", "Novák", "Nova\u0301k", ENCODING, False),
        ("string", "a\u00a0b", "a b", SPACES, False),
        ("string", "a\tb", "ab", TABS, False),
        ("string", "a\tb", "a b", TABS, False),
        ("date", dt.date(2024, 3, 4), "03/04/2024", ORDER, False),
        ("date", dt.date(2024, 3, 4), "4.3.24", ORDER, False),
        ("datetime", NOON, "05/01/2024 12:00", ORDER, False),
        ("decimal", Decimal(1234), "1.234", SWAPPED, False),
        ("decimal", Decimal(1234), "1,234", SWAPPED, False),
        ("decimal", Decimal("1.234"), "1,234", SWAPPED, False),
        ("integer", 1234, "1,234", SWAPPED, False),
        ("integer", 1234, "1.234", SWAPPED, False),
    ],
)
def test_damage_is_told_from_an_edit(key: str, base: Any, raw: RawCell, reason: str, certain: bool) -> None:
    assert not unchanged(key, base, raw)
    assert FIELD_TYPES[key].damage(base, raw, field(key)) == Damage(reason, certain)


@pytest.mark.parametrize(
    ("key", "base", "raw"),
    [
        ("string", "001042", 1043),
        ("string", "001042", "1043"),
        ("string", "1042", "01042"),
        ("string", "Anna", 42),
        ("string", "Anna", "Eva"),
        ("string", "007", 8),
        ("string", "007", 70),
        ("string", "12E5", 12),
        ("string", "TRUE", "FALSCH"),
        ("string", "Jiří", "Jiřina"),
        ("string", "3/4", "4/3"),
        ("string", "1-2", dt.date(2024, 3, 2)),
        ("string", "1234567890123456", 1234567890123999),
        ("string", "Novák", "Novak"),
        ("string", "Novák", None),
        ("string", None, 7),
        ("integer", 5, 6),
        ("integer", 5, True),
        ("integer", 5, None),
        ("money", Decimal("29.90"), 29.8),
        ("decimal", Decimal(1234), "1.235"),
        ("decimal", Decimal(1234), 1.234),
        ("date", dt.date(2024, 3, 4), "05/06/2024"),
        ("date", dt.date(2024, 3, 4), dt.date(2024, 4, 3)),
        ("emails", ("a@x.com",), "b@x.com"),
        ("secret", "001042", 1042),
        ("string", "#N/A", Broken("#N/A")),
    ],
)
def test_an_edit_is_not_taken_for_damage(key: str, base: Any, raw: RawCell) -> None:
    assert FIELD_TYPES[key].damage(base, raw, field(key)) is None


CODES = st.one_of(
    st.integers(0, 10**18).map(lambda number: f"{number:018d}"),
    st.integers(0, 10**6).map(lambda number: f"{number:09d}"),
    st.builds("{}E{}".format, st.integers(1, 99), st.integers(1, 9)),
    st.builds("{}-{}".format, st.integers(1, 12), st.integers(1, 12)),
    st.dates(dt.date(1990, 1, 1), dt.date(2050, 1, 1)).map(str),
)


@given(CODES, st.integers(0, 10**14))
def test_another_number_is_an_edit(base: str, typed: int) -> None:
    """A program makes one number of a text, at fifteen digits: no other one is its doing."""
    number = Decimal(base) if base.replace("E", "").isdigit() else None
    assume(number is None or significant(number) != typed)
    assume(number is not None or not 30_000 < typed < 60_000)
    damage = FIELD_TYPES["string"].damage(base, typed, field("string"))
    assert damage is None or (number is not None and abs(number - typed) < number / 10**14)


@given(CODES, st.dates(dt.date(1990, 1, 1), dt.date(2050, 1, 1)))
def test_another_day_is_an_edit(base: str, typed: dt.date) -> None:
    parts = [int(part) for part in base.split("-")] if "-" in base else []
    assume({typed.month, typed.day} != set(parts[-2:]))
    assert FIELD_TYPES["string"].damage(base, dt.datetime.combine(typed, dt.time()), field("string")) is None


@given(CODES, st.text(min_size=1))
def test_a_typed_text_is_never_surely_damage(base: str, typed: str) -> None:
    damage = FIELD_TYPES["string"].damage(base, typed, field("string"))
    assert damage is None or not damage.certain


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("JiÅ™Ã\u00ad NovÃ¡k", "Jiří Novák"),
        ("ÄŚesko", "Česko"),
        ("JiÅ\u0099Ã­", None),
        ("Jiří Novák", None),
        ("Façade naïve", None),
        ("Ann", None),
    ],
)
def test_text_that_was_read_in_a_wrong_encoding_is_noticed(text: str, before: str | None) -> None:
    assert misdecoded(text) == before


# Particulars


def test_an_ambiguous_date_is_read_in_the_order_that_a_person_chose() -> None:
    date = FIELD_TYPES["date"]
    its_field = field("date")
    assert isinstance(date.parse("03/04/2024", its_field), AmbiguousDate)
    assert date.with_date_order("dmy").parse("03/04/2024", its_field) == dt.date(2024, 4, 3)
    assert date.with_date_order("mdy").parse("03/04/2024", its_field) == dt.date(2024, 3, 4)
    assert date.with_date_order("mdy").unchanged(dt.date(2024, 3, 4), "03/04/2024", its_field)
    assert FIELD_TYPES["string"].with_date_order("dmy") is FIELD_TYPES["string"]


@pytest.mark.parametrize(
    ("text", "order", "day"),
    [
        ("3.4.24", "dmy", dt.date(2024, 4, 3)),
        ("3/4/24", "mdy", dt.date(2024, 3, 4)),
        ("3. 4. 2024", "mdy", dt.date(2024, 3, 4)),
        ("25/12/2024", "mdy", dt.date(2024, 12, 25)),
        ("2024-04-03", "mdy", dt.date(2024, 4, 3)),
        ("3.4.75", "dmy", dt.date(1975, 4, 3)),
    ],
)
def test_a_date_in_a_chosen_order_is(text: str, order: str, day: dt.date) -> None:
    assert FIELD_TYPES["date"].with_date_order(order).parse(text, field("date")) == day


def test_a_short_year_is_no_date_in_the_other_order() -> None:
    refused = FIELD_TYPES["date"].with_date_order("mdy").parse("25.12.24", field("date"))
    assert refused == Bad("'25.12.24' is no date. Write it as 2024-12-31.")


@pytest.mark.parametrize(
    ("text", "is_open", "only"),
    [
        ("03/04/2024", True, ""),
        ("03/04/2024 10:30", True, ""),
        ("25/12/2024", False, "dmy"),
        ("12/25/2024", False, "mdy"),
        ("25.12.24", False, "dmy"),
        ("05/05/2024", False, ""),
        ("2024-04-03", False, ""),
        ("5 Jan 2024", False, ""),
        ("Brno", False, ""),
    ],
)
def test_what_a_text_says_of_the_order_of_dates(text: str, is_open: bool, only: str) -> None:
    assert (orders_of(text).is_open, orders_of(text).only) == (is_open, only)


def test_a_label_in_two_spellings_needs_the_exact_one() -> None:
    two = (Option("a", "Basic"), Option("b", "BASIC"))
    assert parse("select", "BASIC", options=two) == "b"
    assert isinstance(parse("select", "basic", options=two), Bad)


def test_the_longest_label_with_a_comma_is_meant() -> None:
    nested = (Option("ab", "A, B"), Option("abc", "A, B, C"), Option("c", "C"))
    assert parse("multi_select", "A, B, C", options=nested) == ("abc",)
    assert parse("multi_select", '"A, B", C', options=nested) == ("ab", "c")
    assert parse("multi_select", "a, b; c", options=nested) == ("ab", "c")


IDS = st.integers(1, 2**63 - 1)


@given(one=IDS, several=st.sets(IDS, min_size=1, max_size=5), name=st.text(max_size=30))
def test_a_customer_is_its_id_whatever_the_name_beside_it(one: int, several: set[int], name: str) -> None:
    """The name is another's, or a newer one: identity is the number alone."""
    single = field("relation", options=(), target="customer")
    named = field("multi_relation", options=tuple(Option(id, f"#{id} {name}") for id in several), target="customer")
    plain = dataclasses.replace(named, options=())
    both = FIELD_TYPES["relation"], FIELD_TYPES["multi_relation"]
    assert both[0].parse(f"#{one} {clean_text(name)}", single) == one
    assert both[0].parse(both[0].render(one, single), single) == one
    cell = both[1].render(tuple(sorted(several)), named)
    assert both[1].parse(cell, plain) == both[1].parse(cell, named) == tuple(sorted(several))
    assert both[1].unchanged(tuple(sorted(several)), cell, plain)


@pytest.mark.parametrize(
    "raw",
    ["#", "#0", "0", "-1", "#-1", "1.5", 1.5, "#9223372036854775808", "=1", "#1x", True, "#1#2", "٣", "#٣"],
)
@pytest.mark.parametrize("key", RELATIONS)
def test_what_is_no_id_is_no_customer(key: str, raw: RawCell) -> None:
    assert isinstance(parse(key, raw, options=(), target="customer"), Bad)


def test_customers_are_in_no_dropdown_and_their_logins_are_for_the_panel_to_look_up() -> None:
    payer = field("relation", options=(Option(7, "#7 Ann"),), target="customer")
    payers = field("multi_relation", options=(), target="customer")
    assert FIELD_TYPES["relation"].allowed(payer) == ()
    assert FIELD_TYPES["relation"].allowed(field("relation")) == ("Main", "North, East", "2")
    assert list(unknown_names("#7 Ann", payer)) == list(unknown_names(7, payer)) == []
    assert list(unknown_names(" eva ", payer)) == ["eva"]
    assert list(unknown_names("#7, eva; 0042", payers)) == ["eva", "0042"]


def test_a_relation_that_points_elsewhere_now_is_read_by_label_and_not_by_id() -> None:
    was = field("relation", target="partner")
    now = field("relation", target="location", options=(Option(1, "Brno"), Option(9, "Main")))
    assert convert(1, was, now) == 9
    assert isinstance(convert(1, was, field("relation", target="customer", options=())), Bad)


def test_a_label_comes_before_a_key() -> None:
    assert parse("reference", "2") == 7
    assert parse("reference", 1) == 1


def test_many_options_are_named_in_part() -> None:
    many = tuple(Option(n, f"Plan {n} of many") for n in range(900))
    refusal = parse("select", "Something else", options=many)
    assert refusal.message.count("'Plan") == 5
    assert refusal.message.endswith("or 895 more.")


def test_an_option_that_is_gone_shows_its_key() -> None:
    assert FIELD_TYPES["select"].render("gone", field("select")) == "gone"
    assert FIELD_TYPES["reference"].renderer(field("reference"))(99) == "99"
    assert FIELD_TYPES["multi_select"].render(("brno", "gone"), field("multi_select")) == "Brno, gone"


def test_what_a_dropdown_offers() -> None:
    assert FIELD_TYPES["boolean"].allowed(field("boolean")) == ("Yes", "No")
    assert FIELD_TYPES["reference"].allowed(field("reference")) == ("Main", "North, East", "2")
    # A dropdown would refuse two options in one cell.
    assert FIELD_TYPES["multi_select"].allowed(field("multi_select")) == ()


def test_values_that_people_take_as_one_have_one_key() -> None:
    assert FIELD_TYPES["email"].key_of("Anna@x.com") == FIELD_TYPES["email"].key_of("anna@x.com")
    assert FIELD_TYPES["string"].key_of("ANNA") == FIELD_TYPES["string"].key_of("anna")
    assert FIELD_TYPES["url"].key_of("http://x.com/A") != FIELD_TYPES["url"].key_of("http://x.com/a")


@pytest.mark.parametrize("key", SECRET)
def test_a_secret_never_comes_out(key: str) -> None:
    kind: FieldType = FIELD_TYPES[key]
    assert kind.renderer(field(key))("s3cret") is None
    assert kind.key_of("s3cret") == ""
    assert "s3cret" not in str(kind.parse("s3cret" * 9_999, field(key)))


@pytest.mark.parametrize("key", list(FIELD_TYPES))
def test_inference_knows_the_types_that_text_can_show(key: str) -> None:
    never_guessed = ("money", "multi_select", "file", *SECRET, *RELATIONS)
    assert (FIELD_TYPES[key] in BY_SPECIFICITY) == (FIELD_TYPES[key].additional and key not in never_guessed)
    if key in ("file", *SECRET, *RELATIONS):
        assert FIELD_TYPES[key].infer(["#1042"] * 100, key, "Any") is None


def test_a_definition_survives_json_with_a_scale_of_zero() -> None:
    definition = field("money", scale=0, min=Decimal(0), options=(Option(1, "One"),), target="partner")
    assert Field.from_json(json.loads(json.dumps(definition.to_json()))) == definition
