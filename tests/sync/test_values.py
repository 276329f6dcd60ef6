"""The one way from a raw cell or form text to a value."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from sync.cells import Broken, Formula, RawCell
from sync.fields import Bad, Field
from sync.values import check_required, parse_value


def field(kind: str, **rules: Any) -> Field:
    return Field("field", "Contract", kind, **rules)


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("integer", "5", 5),
        ("integer", Formula(5.0), 5),
        ("string", Formula("Brno"), "Brno"),
        ("boolean", "no", False),
        ("integer", "0", 0),
        ("string", None, None),
        ("string", Formula(""), None),
        (
            "string",
            Broken("#REF!"),
            Bad("'#REF!' is an error in the workbook. Correct the formula, or type the value."),
        ),
        (
            "string",
            Broken(""),
            Bad(
                "This formula was never calculated. "
                "Open and save the workbook in a spreadsheet program, or type the value."
            ),
        ),
    ],
)
def test_a_cell_becomes_a_value_or_a_sentence(kind: str, raw: RawCell, value: object) -> None:
    assert parse_value(raw, field(kind)) == value


@pytest.mark.parametrize(
    ("kind", "raw", "bounds", "message"),
    [
        ("string", "abc", {"min": 5}, "'abc' has 3 characters. Write at least 5 characters."),
        ("string", "abc", {"max": 1}, "'abc' has 3 characters. Write at most 1 character."),
        ("string", "abc", {"min": 3, "max": 3}, None),
        ("integer", "3", {"min": 5}, "'3' is out of range. Write at least 5."),
        ("integer", "3000", {"max": 2000}, "'3000' is out of range. Write at most 2,000."),
        ("integer", "0", {"min": 1}, "'0' is out of range. Write at least 1."),
        ("decimal", "0.5", {"min": Decimal("0.75")}, "'0.5' is out of range. Write at least 0.75."),
        ("decimal", "0.75", {"min": Decimal("0.75")}, None),
        ("emails", "a@x.com, b@x.com", {"max": 1}, "This has 2 entries. Write at most 1 entry."),
        ("emails", "a@x.com", {"min": 2}, "This has 1 entry. Write at least 2 entries."),
        ("secret", "abc", {"min": 8}, "This has 3 characters. Write at least 8 characters."),
        ("boolean", "yes", {"min": 8}, None),
        ("string", "", {"min": 8}, None),
    ],
)
def test_bounds_are_of_length_of_value_or_of_count(
    kind: str, raw: RawCell, bounds: dict[str, Any], message: str | None
) -> None:
    limits = {name: Decimal(bound) for name, bound in bounds.items()}
    value = parse_value(raw, field(kind, **limits))
    assert value == Bad(message) if message else not isinstance(value, Bad)


@pytest.mark.parametrize(
    ("order", "value"),
    [
        ("dmy", dt.date(2024, 4, 3)),
        ("mdy", dt.date(2024, 3, 4)),
    ],
)
def test_the_order_of_dates_settles_what_is_ambiguous(order: str, value: dt.date) -> None:
    assert isinstance(parse_value("03/04/2024", field("date")), Bad)
    assert parse_value("03/04/2024", field("date"), order) == value
    assert parse_value("2024-04-03", field("date"), order) == dt.date(2024, 4, 3)
    assert parse_value("31/12/2024", field("date"), order) == dt.date(2024, 12, 31)
    assert parse_value("03/04/2024", field("string"), order) == "03/04/2024"


@pytest.mark.parametrize(
    ("value", "required", "message"),
    [
        (None, True, "Contract is required. Fill it in."),
        ("  ", True, "Contract is required. Fill it in."),
        ("x", True, None),
        (False, True, None),
        (0, True, None),
        (None, False, None),
    ],
)
def test_a_required_field_needs_a_value(value: object, required: bool, message: str | None) -> None:
    assert check_required(value, field("string", required=required)) == message
