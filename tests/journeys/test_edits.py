"""T1 to T3, T8, T10 to T12 and T15: whose edit it is, and what becomes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from openpyxl.utils import column_index_from_string, get_column_letter
from sqlalchemy import select

from panel.database import writing
from panel.extensions import db
from panel.models import AdditionalField, Role
from panel.permissions import MANAGER
from panel.rights import SEE
from tests.journeys.story import Driver, Place
from tests.journeys.typing_in import typed
from tests.panel.pages import add_user
from tests.sheets import change, read_keys, sheet_of

PHONE, OTHER = "+420 603 111 222", "+420 603 111 333"


def test_t1_edits_of_one_customer_by_two_people_both_survive(driver: Driver, place: Place) -> None:
    ann = place.customer(phones=[PHONE], city="Brno")
    back = typed(driver.export(place.name), {(ann, "phones"): OTHER})
    driver.colleague_edits(ann, "City", "city", "Zlin")
    upload = driver.upload(back)
    assert upload.counts() == {"change": 1}
    assert upload.apply()
    assert (place.now("phones"), place.now("city")) == ([[OTHER]], ["Zlin"])


def test_t2_one_cell_edited_twice_is_a_conflict_of_three_values(driver: Driver, place: Place) -> None:
    ann, bob = place.customer(street="Long 1"), place.customer(street="Long 1")
    back = typed(driver.export(place.name), {(ann, "street"): "Mine 3", (bob, "street"): "Both 4"})
    driver.colleague_edits(ann, "Street", "street", "Panel 2")
    driver.colleague_edits(bob, "Street", "street", "Both 4")
    before = place.signature()
    upload = driver.upload(back)
    assert upload.counts() == {"conflict": 1}
    (line,) = upload.lines("conflict")
    assert (line.customer, line.sides) == (ann, ("Long 1", "Panel 2", "Mine 3"))
    assert not upload.apply()
    assert place.signature() == before
    upload.answer("conflict", "workbook")
    assert upload.apply()
    assert place.now("street") == ["Mine 3", "Both 4"]


def test_t3_a_stale_workbook_undoes_nobodys_edit(driver: Driver, place: Place) -> None:
    everybody = place.customers(51)
    back = typed(driver.export(place.name), {(everybody[-1], "city"): "Zlin"})
    for record_id in everybody[:-1]:
        place.write(record_id, city="Newer", street="Newer 1")
    upload = driver.upload(back)
    assert upload.counts() == {"change": 1}
    assert upload.apply()
    assert place.now("city") == ["Newer"] * 50 + ["Zlin"]
    assert place.now("street")[:50] == ["Newer 1"] * 50


def test_t8_a_blank_means_a_clear_only_where_something_was(driver: Driver, place: Place) -> None:
    _ann, bob = place.customers(2)
    cyd, _dan = place.customers(2, city=None)
    out = driver.export(place.name)
    back = typed(out, {(bob, "city"): None, (cyd, "city"): "Zlin"})
    absent = without_column(back, read_keys(out)["street"])
    upload = driver.upload(absent)
    assert upload.counts() == {"change": 1, "clear": 1}
    assert (cyd, "Zlin") in [(line.customer, line.workbook) for line in upload.lines("change")]
    assert upload.apply()
    assert place.now("city") == ["City 0", None, "Zlin", None]
    assert place.now("street") == ["Street 0", "Street 1"] * 2


def without_column(path: Path, letter: str) -> Path:
    """Delete a column."""
    sheet = sheet_of(path)
    sheet.delete_cols(column_index_from_string(letter))
    assert sheet.parent
    sheet.parent.save(path)
    return path


def test_t10_a_right_taken_away_meanwhile_counts_for_the_one_who_uploads(driver: Driver, place: Place) -> None:
    email = f"eva.{driver.name}@example.com"
    role = add_editor(place, email)
    ann = place.customer(city="Brno", street="Long 1")
    back = typed(driver.export(place.name, by=email), {(ann, "city"): "Zlin", (ann, "street"): "Short 2"})
    with place.app.app_context(), writing():
        db.session.get_one(Role, role).field_rights = {"city": SEE}
    upload = driver.upload(back, by=email)
    assert upload.counts() == {"change": 1, "ignored": 1}
    (ignored,) = upload.lines("ignored")
    assert (ignored.customer, ignored.workbook) == (ann, "Zlin")
    assert upload.apply()
    assert (place.now("city"), place.now("street")) == (["Brno"], ["Short 2"])


def add_editor(place: Place, *emails: str) -> int:
    """Add people with one role of their own that may edit, export and import; return the role."""
    with place.app.app_context():
        with writing():
            role = Role(name=f"Editor of {place.name}", permissions=[*MANAGER, "import.apply"])
            db.session.add(role)
        for email in emails:
            add_user(email, role.name)
        return role.id


def test_t11_what_moved_after_the_preview_is_shown_again_before_anything_is_written(
    driver: Driver, place: Place
) -> None:
    ann, bob = place.customers(2)
    back = typed(driver.export(place.name), {(ann, "city"): "Zlin", (bob, "city"): "Cheb"})
    upload = driver.upload(back)
    assert upload.counts() == {"change": 2}
    driver.colleague_edits(ann, "City", "city", "Plzen")
    place.write(bob, street="Newer 1")
    before = place.signature()
    assert not upload.apply()
    assert place.signature() == before
    assert upload.counts() == {"conflict": 1, "change": 1}
    assert [line.sides for line in upload.lines("conflict")] == [("City 0", "Plzen", "Zlin")]
    upload.answer("conflict", "workbook")
    assert upload.apply()
    assert (place.now("city"), place.now("street")) == (["Zlin", "Cheb"], ["Street 0", "Newer 1"])


def test_t12_undoing_keeps_what_was_edited_since_and_takes_a_created_column_back(driver: Driver, place: Place) -> None:
    ann, bob = place.customers(2)
    out = driver.export(place.name)
    header = f"Hobby of {place.name}"
    last = get_column_letter(sheet_of(out).max_column + 1)
    back = typed(out, {(ann, "city"): "Zlin", (bob, "city"): "Cheb"})
    upload = driver.upload(change(back, back, {f"{last}2": header, f"{last}3": "chess"}))
    upload.tick("create_fields")
    assert upload.apply()
    (made,) = field_called(place, header)
    assert place.now(made) == ["chess", None]
    driver.colleague_edits(ann, "City", "city", "Plzen")
    assert upload.undo() == [ann]
    assert (place.now("city"), place.now(made)) == (["Plzen", "City 1"], [None, None])
    assert field_called(place, header) == []


def field_called(place: Place, label: str) -> list[str]:
    """Return the keys of the fields in use of this label."""
    with place.app.app_context():
        there = select(AdditionalField.key).where(AdditionalField.label == label, AdditionalField.retired_at.is_(None))
        return list(db.session.scalars(there))


def test_t15_of_two_overlapping_files_at_once_the_second_sees_conflicts(driver: Driver, place: Place) -> None:
    emails = [f"{name}.{driver.name}@example.com" for name in ("pavel", "petra")]
    add_editor(place, *emails)
    ann, bob, cyd = place.customers(3)
    edits: list[dict[tuple[int, str], Any]] = [
        {(ann, "city"): "Zlin", (bob, "city"): "Cheb"},
        {(ann, "city"): "Tabor", (cyd, "city"): "Pisek"},
    ]
    uploads = [
        driver.upload(typed(driver.export(place.name, by), cells), by) for by, cells in zip(emails, edits, strict=True)
    ]
    assert [upload.counts() for upload in uploads] == [{"change": 2}, {"change": 2}]
    done = driver.apply_at_once(uploads)
    assert sorted(done) == [False, True]
    winner, second = done.index(True), uploads[done.index(False)]
    mine, theirs = (("Zlin", "Tabor"), ("Tabor", "Zlin"))[winner]
    assert second.counts() == {"conflict": 1, "change": 1}
    assert [(line.customer, line.sides) for line in second.lines("conflict")] == [(ann, ("City 0", mine, theirs))]
    second.answer("conflict", "panel")
    assert second.apply()
    assert place.now("city") == [mine, "Cheb", "Pisek"]
