"""T4 to T7, T9, T13, T14 and T16: what people and programs do to the sheet, and what is said of it."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from flask import Flask
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet
from sqlalchemy import select

from panel.extensions import db
from panel.models import AdditionalField
from sync.workbook.limits import GRID_ROWS
from tests import hostile, office
from tests.builders import additional_field
from tests.journeys.commands import Commands
from tests.journeys.story import Driver, Place
from tests.journeys.typing_in import typed
from tests.sheets import change, read_keys, sheet_of

Rework = Callable[[Workbook, Worksheet, dict[str, str]], None]

NASTY = (
    "=1+1",
    "+34 600 000",
    "-5",
    "'quoted",
    "123456789012345678901",
    "007",
    "😀 Žluťoučký",
    "two\nlines",
    "no\u00a0break",
    "1.2E+20",
    "@home",
    "x" * 32_767,
)


def reworked(path: Path, *steps: Rework) -> Path:
    """Do something to the whole sheet, and save the workbook under another name."""
    book = openpyxl.load_workbook(path)
    sheet = book["Customers"]
    assert isinstance(sheet, Worksheet)
    for step in steps:
        step(book, sheet, read_keys(path))
    names = " ".join(step.__name__ for step in steps)
    out = path.with_name(f"{names}.xlsx")
    book.save(out)
    return out


@pytest.fixture
def of_every_kind(driver: Driver) -> dict[str, object]:
    """Define a field of every kind that programs change, once for each panel, and return a value of each."""
    values: dict[str, object] = {
        "j_note": "",
        "j_fee": "29.90",
        "j_ratio": "0.125",
        "j_since": "2024-03-04",
        "j_seen": "2024-03-04T12:30:00",
        "j_paid": True,
        "j_tags": ["a", "b"],
    }
    kinds = ("text", "money", "decimal", "date", "datetime", "boolean", "multi_select")
    with driver.app.app_context():
        if db.session.scalar(select(AdditionalField.id).where(AdditionalField.key == "j_code")):
            return values
        for key, kind in zip(values, kinds, strict=True):
            options = [["a", "Fibre"], ["b", "Radio"]] if kind == "multi_select" else []
            additional_field(key, kind, label=key, options=options)
        additional_field("j_code", "string", label="j_code")
    return values


# T4


@pytest.mark.office
def test_t4_opened_and_saved_by_libreoffice_nothing_has_changed(
    driver: Driver, place: Place, of_every_kind: dict[str, object]
) -> None:
    for text in NASTY:
        place.customer("Ann Novak", zip_code="00420", extra=of_every_kind | {"j_note": text, "j_code": "12E5"})
    saved = office.resave(driver.export(place.name), driver.folder / "saved.xlsx")
    before = place.signature()
    upload = driver.upload(saved)
    assert upload.counts() == {}
    assert place.signature() == before


# T5


def without_manifest(book: Workbook, _sheet: Worksheet, _letters: dict[str, str]) -> None:
    for name in {"_manifest", "_lists", "Guide"} & set(book.sheetnames):
        del book[name]


def without_properties(book: Workbook, _sheet: Worksheet, _letters: dict[str, str]) -> None:
    book.custom_doc_props.props.clear()
    book.properties.keywords = None


def without_references(_book: Workbook, sheet: Worksheet, _letters: dict[str, str]) -> None:
    sheet.delete_cols(1)


@pytest.mark.parametrize(
    ("steps", "kind"),
    [
        ((without_manifest,), "change"),
        ((without_properties,), "change"),
        ((without_references,), "unknown"),
        ((without_manifest, without_properties, without_references), "unknown"),
    ],
    ids=["manifest", "properties", "references", "all"],
)
def test_t5_without_what_the_export_hid_in_it_a_workbook_works_or_says_plainly_what_is_missing(
    driver: Driver, place: Place, steps: tuple[Rework, ...], kind: str
) -> None:
    ann, *_others = place.customers(3)
    out = typed(driver.export(place.name), {(ann, "city"): "Zlin"})
    upload = driver.upload(reworked(out, *steps))
    assert upload.counts() == {kind: 1}
    assert ("Two-way mode" in upload.said()) is (kind == "unknown")
    if kind == "unknown":
        assert not upload.apply()
        upload.answer("unknown", "workbook")
    assert upload.apply()
    assert place.now("city") == ["Zlin", "City 1", "City 2"]


# T6: the cities are as exported, but for the third customer's


def one_column_sorted(_book: Workbook, sheet: Worksheet, letters: dict[str, str]) -> None:
    cells = [sheet[f"{letters['city']}{row}"] for row in range(3, 15)]
    for cell, value in zip(cells, reversed([cell.value for cell in cells]), strict=True):
        cell.value = value


def row_inserted(_book: Workbook, sheet: Worksheet, letters: dict[str, str]) -> None:
    sheet.insert_rows(5)
    sheet[f"{letters['full_name']}5"] = "Newly Typed"


def row_copied(_book: Workbook, sheet: Worksheet, _letters: dict[str, str]) -> None:
    sheet.insert_rows(6)
    for cell in sheet[5]:
        sheet.cell(6, cell.column).value = cell.value


def columns_swapped(_book: Workbook, sheet: Worksheet, letters: dict[str, str]) -> None:
    for row in range(1, 15):
        one, other = sheet[f"{letters['city']}{row}"], sheet[f"{letters['street']}{row}"]
        one.value, other.value = other.value, one.value


def headers_translated(_book: Workbook, sheet: Worksheet, _letters: dict[str, str]) -> None:
    for cell in sheet[2]:
        cell.value = f"Sloupec {cell.column}"


def two_headers_alike(_book: Workbook, sheet: Worksheet, letters: dict[str, str]) -> None:
    sheet[f"{letters['street']}2"] = sheet[f"{letters['city']}2"].value


def column_copied(_book: Workbook, sheet: Worksheet, letters: dict[str, str]) -> None:
    last = sheet.max_column + 1
    for row in range(1, 15):
        sheet.cell(row, last).value = sheet[f"{letters['city']}{row}"].value


@pytest.mark.parametrize(
    ("step", "counts"),
    [
        (row_inserted, {"change": 1, "new": 1}),
        (row_copied, {"problem": 2}),
        (columns_swapped, {"change": 1}),
        (headers_translated, {"change": 1}),
        (two_headers_alike, {"change": 1}),
    ],
)
def test_t6_rows_and_columns_are_known_wherever_they_went(
    driver: Driver, place: Place, step: Rework, counts: dict[str, int]
) -> None:
    third = place.customers(12)[2]
    upload = driver.upload(reworked(typed(driver.export(place.name), {(third, "city"): "Zlin"}), step))
    assert upload.counts() == counts
    is_done = "problem" not in counts
    assert upload.apply() is is_done
    assert place.now("city")[:12] == [f"City {n}" if n != 2 or not is_done else "Zlin" for n in range(12)]
    assert place.now("street")[:12] == [f"Street {n}" for n in range(12)]
    assert len(place.now("city")) == 12  # who is new belongs to no place yet


def test_t6_a_column_sorted_apart_is_stopped_until_its_number_is_typed(driver: Driver, place: Place) -> None:
    place.customers(12)
    before = place.now("city")
    upload = driver.upload(reworked(driver.export(place.name), one_column_sorted))
    assert upload.guards() == [12]
    assert not upload.apply()
    assert place.now("city") == before
    upload.confirm(12)
    assert upload.apply()
    assert place.now("city") == before[::-1]


def test_t6_a_column_that_is_there_twice_is_refused_by_name(driver: Driver, place: Place) -> None:
    place.customers(12)
    said = driver.refused(reworked(driver.export(place.name), column_copied))
    assert "both hold City" in said


# T7


@pytest.mark.usefixtures("of_every_kind")
def test_t7_what_a_program_did_to_codes_is_restored_and_no_edit(driver: Driver, place: Place) -> None:
    codes = ["00420", "12E19", "1/2", "@novak", "123456789012345678901"]
    ann, bob, cyd, dan, eve = (place.customer(code, extra={"j_code": code}) for code in codes)
    damaged = {
        (ann, "j_code"): "420",
        (bob, "j_code"): 1.2e20,
        (cyd, "j_code"): dt.datetime(2026, 1, 2),  # noqa: DTZ001 (a cell has no zone)
        (dan, "j_code"): "novak",
        (eve, "j_code"): 123456789012345000000,
        (ann, "city"): "Zlin",
    }
    upload = driver.upload(typed(driver.export(place.name), damaged))
    counts = upload.counts()
    assert counts["repair"] == 4, counts
    assert {line.customer for line in upload.lines("repair")} == {ann, bob, cyd, eve}
    assert {line.customer for line in upload.lines("change")} == {ann, dan}
    assert not upload.apply()
    upload.answer("repair", "panel")
    assert upload.apply()
    assert place.now("j_code") == [*codes[:3], "novak", codes[4]]
    assert place.now("city")[0] == "Zlin"


# T9


def test_t9_rows_left_out_delete_nobody_and_a_deletion_is_refused_with_its_reason(driver: Driver, place: Place) -> None:
    everybody = place.customers(30)
    gone, alive = place.customer("Gone", status_id=4), place.customer("Alive", status_id=2)
    back = typed(driver.export(place.name), {(gone, "action"): "delete", (alive, "action"): "delete"})

    def thirty_dropped(_book: Workbook, sheet: Worksheet, _letters: dict[str, str]) -> None:
        sheet.delete_rows(3, 30)

    upload = driver.upload(reworked(back, thirty_dropped))
    assert upload.counts() == {"absent": 30, "delete": 1, "problem": 1}
    (problem,) = upload.lines("problem")
    assert (problem.customer, "cannot be deleted" in problem.message) == (alive, True)
    assert not upload.apply()
    upload.tick("skip_problems")
    assert upload.apply()
    assert place.now("id") == [*everybody, alive]


# T13


def phantom_rows(path: Path) -> Path:
    """Format every row of the grid, as selecting a whole sheet does."""
    empty = b"".join(b'<row r="%d" s="1" customFormat="1"/>' % row for row in range(20, GRID_ROWS + 1))
    out = path.with_name("phantom rows.xlsx")
    return hostile.rewritten(
        path, out, hostile.SHEET, lambda xml: xml.replace(b"</sheetData>", empty + b"</sheetData>", 1)
    )


def much_at_once(book: Workbook, sheet: Worksheet, _letters: dict[str, str]) -> None:
    book.create_sheet("Mine", 0)["A1"] = "A list of my own"
    book.active = 0
    sheet.insert_rows(1)
    sheet.merge_cells("C1:F1")
    sheet.row_dimensions[5].hidden = True


def test_t13_what_is_around_the_rows_costs_nothing_and_hides_nothing(driver: Driver, place: Place) -> None:
    ann, bob = place.customers(2)
    out = typed(driver.export(place.name), {(ann, "city"): "Zlin", (bob, "city"): "Cheb"})
    begun = time.monotonic()
    upload = driver.upload(phantom_rows(out))
    assert upload.counts() == {"change": 2}
    assert time.monotonic() - begun < 30
    other = driver.upload(reworked(out, much_at_once))
    assert other.counts() == {"change": 2}
    assert "hidden row" in other.said()


def with_password(_good: Path, out: Path) -> Path:
    """The container of an encrypted workbook."""
    out.write_bytes(hostile.OLE + bytes(1024) + "EncryptedPackage".encode("utf-16-le") + bytes(4096))
    return out


REFUSED: dict[str, tuple[Callable[[Path, Path], Path], str]] = {
    "an old workbook": (hostile.old_excel, "old excel workbook (.xls). save it as .xlsx"),
    "a password": (with_password, "protected by a password"),
    "macros": (hostile.with_macros, "macro"),
    "entities": (hostile.with_dtd, "read"),
    "a bomb": (lambda good, out: hostile.bomb(good, out, megabytes=256), "packed far more tightly"),
    "a text": (hostile.text_renamed, "not an excel workbook"),
}


@pytest.fixture(scope="package")
def refused(panel: Flask, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Make the files that nobody should open, once for all."""
    folder = tmp_path_factory.mktemp("refused")
    place = Place(panel, "T13")
    place.customer()
    good = Commands(panel, folder).export(place.name)
    return {name: make(good, folder / f"{name}.xlsx") for name, (make, _said) in REFUSED.items()}


@pytest.mark.parametrize("name", REFUSED)
def test_t13_a_file_that_nobody_should_open_is_refused_quickly_in_a_sentence(
    driver: Driver, place: Place, refused: dict[str, Path], name: str
) -> None:
    before = place.signature()
    begun = time.monotonic()
    sentence = driver.refused(refused[name])
    assert time.monotonic() - begun < 20
    assert REFUSED[name][1] in sentence.lower()
    assert sentence.rstrip().endswith(".")
    assert place.signature() == before


# T14


def test_t14_what_is_mended_in_the_review_workbook_is_gone_from_the_next_look(driver: Driver, place: Place) -> None:
    ann, bob, cyd, dan = place.customers(4)
    cells = {
        (ann, "city"): "Zlin",
        (bob, "date_of_birth"): "31/31/2024",
        (cyd, "emails"): "no address",
        (dan, "street"): "Short 2",
    }
    back = typed(driver.export(place.name), cells)
    place.write(ann, city="Plzen")
    keys = read_keys(back)
    upload = driver.upload(back)
    assert upload.counts() == {"conflict": 1, "problem": 2, "change": 1}
    at = {line.customer: line.at for line in upload.lines("problem")}
    assert at == {bob: f"{keys['date_of_birth']}4", cyd: f"{keys['emails']}5"}

    review = upload.review()
    sheet = sheet_of(review)
    labels = {str(cell.value): cell.column_letter for cell in sheet[2] if cell.value}
    assert {sheet[one].fill.fgColor.rgb for one in at.values()} == {"00FFC7CE"}
    assert sheet[f"{keys['city']}3"].fill.fgColor.rgb == "00FFE699"
    assert "31/31/2024" in sheet[f"{labels['What to look at']}4"].value

    mended = {at[bob]: "2001-02-03", f"{labels['Choose: City']}3": "Take the workbook"}
    half = driver.upload(change(review, driver.folder / "half.xlsx", mended))
    assert [line.at for line in half.lines("problem")] == [at[cyd]]
    assert not half.apply()
    whole = driver.upload(change(half.review(), driver.folder / "whole.xlsx", {at[cyd]: "cyd@example.com"}))
    assert "problem" not in whole.counts()
    assert whole.apply()
    assert place.now("city") == ["Zlin", "City 1", "City 2", "City 3"]
    assert (place.now("date_of_birth")[1], place.now("emails")[2]) == (dt.date(2001, 2, 3), ["cyd@example.com"])
    assert place.now("street")[3] == "Short 2"


# T16


def test_t16_dates_that_can_be_read_two_ways_are_asked_about_once_for_a_column(driver: Driver, place: Place) -> None:
    ann, bob, cyd = place.customers(3)
    texts = {ann: "03/04/1984", bob: "05/06/1984", cyd: "01/02/1984"}
    back = typed(driver.export(place.name), {(one, "date_of_birth"): text for one, text in texts.items()})
    upload = driver.upload(back)
    assert len(upload.lines("problem")) == 1
    assert not upload.apply()
    assert place.now("date_of_birth") == [None] * 3
    upload.order("date_of_birth", "Date of birth", "dmy")
    assert upload.counts() == {"change": 3}
    assert upload.apply()
    assert place.now("date_of_birth") == [dt.date(1984, 4, 3), dt.date(1984, 6, 5), dt.date(1984, 2, 1)]


def test_t16_days_counted_from_1904_are_the_same_days(driver: Driver, place: Place) -> None:
    ann, _bob = place.customers(2, date_of_birth=dt.date(1984, 4, 3))

    def since_1904(book: Workbook, _sheet: Worksheet, _letters: dict[str, str]) -> None:
        book.epoch = CALENDAR_MAC_1904

    back = typed(driver.export(place.name), {(ann, "date_of_birth"): dt.date(2001, 2, 3)})
    upload = driver.upload(reworked(back, since_1904))
    assert upload.counts() == {"change": 1}
    assert upload.apply()
    assert place.now("date_of_birth") == [dt.date(2001, 2, 3), dt.date(1984, 4, 3)]
