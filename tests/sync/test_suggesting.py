"""What a column of a foreign file may be, by its name and by its values."""

from __future__ import annotations

import pytest

from sync.fields import Field, Option
from sync.suggesting import suggest

CITY = Field("city", "City", "string")
PHONE = Field("phones", "Phone number", "phones")
EMAIL = Field("emails", "Email", "emails")
PLACE = Field("location", "Location", "reference", options=(Option(1, "Prague"), Option(2, "Brno"), Option(3, "2")))
FIELDS = (CITY, PHONE, EMAIL, PLACE)
NAMES = {"city": ("town", "město"), "phones": ("telefon", "phone")}
MAILS = [f"a{number}@example.com" for number in range(97)] + ["none", "-", "?"]


@pytest.mark.parametrize(
    ("header", "texts", "field", "evidence"),
    [
        ("Town", ["Brno"], "city", "named like City"),
        ("MĚSTO", ["Brno"], "city", "named like City"),
        ("PhoneNumber", [], "phones", "named like Phone number"),
        ("Phone nmber", [], "phones", "named almost like Phone number"),
        ("Column 4", MAILS, "emails", "97% of the values are email addresses"),
        ("Column 4", ["+420 603 123 456", "0603 123 456"], "phones", "100% of the values are phone numbers"),
        ("Where", ["Prague", "Brno", "brno"], "location", "100% of the values are options of Location"),
        ("Phone", ["call him", "ask Ann"], None, ""),
        ("Number", ["603123456", "603123457"], None, ""),
        ("Count", ["2", "2", "1"], None, ""),
        ("Where", ["Brno", "Brno"], None, ""),
        ("Remark", ["x", "y"], None, ""),
        ("", MAILS, "emails", "97% of the values are email addresses"),
    ],
)
def test_a_column_may_be(header: str, texts: list[str], field: str | None, evidence: str) -> None:
    found = suggest([(3, header)], {3: texts}, FIELDS, NAMES)
    assert [(one.index, one.field.key, one.evidence) for one in found] == ([(3, field, evidence)] if field else [])


def test_no_field_is_suggested_twice_and_the_better_named_column_has_it() -> None:
    found = suggest([(0, "Contact"), (1, "Email")], {0: MAILS, 1: MAILS}, FIELDS, NAMES)
    assert [(one.index, one.field.key) for one in found] == [(1, "emails")]
