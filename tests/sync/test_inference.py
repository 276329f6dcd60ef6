"""What field a column of a foreign file would make."""

from __future__ import annotations

import csv
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.fields import Bad
from sync.inference import infer_field
from sync.types import FIELD_TYPES
from sync.types.text import trimmed
from sync.values import parse_value
from tests.resources import shared

CODES = [f"{n:04d}" for n in range(300)]


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        ("boolean", ["Yes", "no", "YES"]),
        ("boolean", ["No"]),
        ("boolean", ["ano", "ne"]),
        ("string", ["ne", "ne"]),
        ("integer", ["0", "1", "1", "0"]),
        ("integer", ["-5", " 42 "]),
        ("string", ["007", "042"]),
        ("string", ["1234567890123456", "1"]),
        ("decimal", ["1.5", "2"]),
        ("string", ["1.5", "1,5"]),
        ("string", ["12E5", "1"]),
        ("ip", ["192.0.2.1", "2001:db8::1"]),
        ("mac", ["00:1a:2b:3c:4d:5e", "001a.2b3c.4d5f"]),
        ("string", ["001A2B3C4D5E", "001A2B3C4D5F"]),
        ("email", ["a@example.com", "b@example.com"]),
        ("string", ["a@example.com", "b"]),
        ("url", ["https://example.com", "http://example.com/a"]),
        ("string", ["www.example.com"]),
        ("date", ["2024-01-05", "31/12/2024"]),
        ("string", ["03/04/2024", "31/12/2024"]),
        ("datetime", ["2024-01-05 10:30", "2024-01-06"]),
        ("phone", ["+420603123456", "+44 20 7946 0958"]),
        ("string", ["603123456 ", "0603123456"]),
        ("select", ["Month-to-month", "One year"] * 10),
        ("string", ["Month-to-month", "One year"] * 9),
        ("string", CODES),
        ("text", ["one\ntwo", "three"]),
        ("text", ["x" * 256]),
        ("string", ["", "  "]),
        ("string", []),
        ("integer", ["", " ", "5"]),
    ],
)
def test_a_column_is_of_the_type_that_every_value_is_of(kind: str, texts: list[str]) -> None:
    field = infer_field("Header", texts, ()).field
    assert field.type == kind
    assert field.additional


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("MonthlyCharges", "monthly_charges"),
        ("customerID", "customer_id"),
        ("StreamingTV", "streaming_tv"),
        ("IPAddress", "ip_address"),
        ("  Zip code (new) ", "zip_code_new"),
        ("Příjmení", "prijmeni"),
        ("2nd phone", "field_2nd_phone"),
        ("Город", "field"),
        ("", "field"),
        ("x" * 99, "x" * 40),
    ],
)
def test_a_key_is_made_of_the_header(header: str, key: str) -> None:
    assert infer_field(header, [], ()).field.key == key


def test_a_key_is_unlike_those_taken() -> None:
    assert infer_field("City", [], ("city",)).field.key == "city_2"
    assert infer_field("City", [], ("city", "city_2")).field.key == "city_3"
    assert infer_field("x" * 99, [], ("x" * 40,)).field.key == f"{'x' * 38}_2"


@given(st.text(), st.lists(st.text()))
def test_a_key_is_always_a_machine_name(header: str, taken: list[str]) -> None:
    key = infer_field(header, [], taken).field.key
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,39}", key)
    assert key not in taken


WRITTEN = st.one_of(
    st.text(),
    st.integers().map(str),
    st.decimals(allow_nan=False).map(str),
    st.dates().map(str),
    st.booleans().map(str),
)


@given(st.lists(WRITTEN), st.integers(1, 30))
def test_every_value_of_the_column_is_a_value_of_its_field(texts: list[str], times: int) -> None:
    field = infer_field("Header", texts * times, ()).field
    assert not any(isinstance(parse_value(text, field), Bad) for text in texts if trimmed(text))


def test_evidence_says_what_speaks_for_the_type() -> None:
    assert infer_field("Fee", ["29.85", "1.5", " "], ()).evidence == (
        "Decimal number: 2 values, 2 different, such as '29.85', '1.5'; 1 blank"
    )
    assert infer_field("Fee", [], ()).evidence == "There are no values yet."


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["03/04/2024", "05/06/2024"], "100% look like date"),
        ([f"2024-01-{day:02d}" for day in range(1, 20)] + ["soon"], "95% look like date"),
        (["29,85", "1 234,50", "12"], "100% look like decimal number"),
        ([f"a{n}@example.com" for n in range(9)] + ["none"], "90% look like email"),
        (["001", "002", "003x"], ""),
        (["Ann", "Bob", "2024-01-01"], ""),
    ],
)
def test_what_most_values_of_a_text_column_are_is_said(texts: list[str], said: str) -> None:
    found = infer_field("Header", texts, ())
    assert found.field.type == "string"
    assert said in found.evidence
    assert said or "look like" not in found.evidence


def test_options_are_made_of_the_values() -> None:
    field = infer_field("Contract", ["One year", "Two-year", "one year"] * 10, ()).field
    assert [(option.key, option.label) for option in field.options] == [
        ("one_year", "One year"),
        ("two_year", "Two-year"),
        ("one_year_2", "one year"),
    ]


CHURN = {
    "customerID": "string",
    "gender": "select",
    "SeniorCitizen": "integer",
    "Partner": "boolean",
    "Dependents": "boolean",
    "tenure": "integer",
    "PhoneService": "boolean",
    "MultipleLines": "select",
    "InternetService": "select",
    "OnlineSecurity": "select",
    "OnlineBackup": "select",
    "DeviceProtection": "select",
    "TechSupport": "select",
    "StreamingTV": "select",
    "StreamingMovies": "select",
    "Contract": "select",
    "PaperlessBilling": "boolean",
    "PaymentMethod": "select",
    "MonthlyCharges": "decimal",
    "TotalCharges": "decimal",
    "Churn": "boolean",
}


def columns(path: Path) -> dict[str, list[str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        header, *rows = csv.reader(lines)
    return {name: list(texts) for name, texts in zip(header, zip(*rows, strict=True), strict=True)}


def test_a_real_file_of_customers_gets_the_types_that_a_person_would_choose() -> None:
    inferred = {
        name: infer_field(name, texts, ())
        for name, texts in columns(shared("data") / "telco-customer-churn.csv").items()
    }
    assert {name: proposal.field.type for name, proposal in inferred.items()} == CHURN
    assert inferred["MonthlyCharges"].field.scale == inferred["TotalCharges"].field.scale == 2
    assert inferred["TotalCharges"].evidence.endswith("11 blank")
    assert len(inferred["PaymentMethod"].field.options) == 4


@pytest.mark.parametrize(
    "texts",
    [
        [str(n) for n in range(100_000)],
        [f"{n / 7:.2f}" for n in range(100_000)],
        [f"Customer {n}" for n in range(100_000)],
        ["One year", "Two years"] * 50_000,
    ],
    ids=["integers", "decimals", "names", "options"],
)
def test_a_hundred_thousand_values_take_no_time(texts: list[str]) -> None:
    start = time.perf_counter()
    infer_field("Header", texts, ())
    assert time.perf_counter() - start < 2


def test_every_inferred_type_is_in_the_registry() -> None:
    assert set(CHURN.values()) <= set(FIELD_TYPES)
