"""Files that wait for their plan: read by a job, in turn, picked up again, few of one person, told what is wrong."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from panel import changelog
from panel.extensions import db
from panel.imports import rows, together, waiting
from panel.imports.files import uploads
from panel.imports.progress import progress_of_import
from panel.jobs import LEASE, run_now, run_pending
from panel.models import Import, Job
from panel.models.columns import now
from tests.browser import sign_in_by_form
from tests.builders import customer
from tests.panel.pages import STAFF_PASSWORD, add_user, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page

NAMES = "Full name\nAnn\nBob\n"


@pytest.fixture
def nothing_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "SMALL_BYTES", 0)


def upload(client: FlaskClient, *files: tuple[str, str], script: bool = False) -> Any:
    content = [(io.BytesIO(text.encode()), name) for name, text in files]
    headers = {"X-Requested-With": "fetch"} if script else {}
    return client.post("/imports/upload/", data={"file": content}, headers=headers)


def states() -> list[str]:
    db.session.rollback()
    return list(db.session.scalars(select(Import.state).order_by(Import.id)))


@pytest.mark.usefixtures("nothing_is_small")
@pytest.mark.asvs("R23")
def test_a_large_file_is_planned_by_a_job_and_its_page_shows_how_far(app: Flask, client: FlaskClient) -> None:
    address = upload(sign_in(client), ("names.csv", NAMES)).location
    page = client.get(address).text
    assert "You may leave this page." in page
    assert client.get(f"{address}progress/").get_json()["at_work"] is True
    with app.app_context():
        assert (states(), run_pending(), states()) == (["uploaded"], 1, ["planned"])
    assert "Apply 2 new customers" in client.get(address).text
    assert client.get(f"{address}progress/").get_json()["at_work"] is False


def test_a_small_file_is_planned_at_once(app: Flask, client: FlaskClient) -> None:
    address = upload(sign_in(client), ("names.csv", NAMES)).location
    assert "Apply 2 new customers" in client.get(address).text
    answer = upload(client, ("more.csv", NAMES), script=True)
    assert answer.get_json() == {"address": "/imports/2/", "number": 2}
    with app.app_context():
        assert states() == ["planned", "planned"]


def test_of_several_files_each_is_an_import_of_its_own(app: Flask, client: FlaskClient) -> None:
    answer = upload(sign_in(client), ("a.csv", NAMES), ("b.csv", NAMES), ("c.xlsx", "x"))
    assert answer.location == "/together/1/"
    with app.app_context():
        run_pending()
        assert states() == ["planned", "planned", "failed"]


@pytest.mark.usefixtures("nothing_is_small")
@pytest.mark.asvs("R23")
def test_of_one_persons_files_one_is_planned_at_a_time(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    for number in range(10):
        upload(client, (f"{number}.csv", NAMES))
    with app.app_context():
        add_user("eva@example.com", "manager")
        first, second = db.session.scalars(select(Job.id).order_by(Job.id).limit(2))
        held = {"state": "running", "leased_until": now() + LEASE}
        db.session.execute(update(Job).where(Job.id == first).values(**held))
        db.session.commit()
        assert (run_now(second), run_pending()) == (False, 0)
    upload(sign_in(app.test_client(), "eva@example.com", STAFF_PASSWORD), ("eva.csv", NAMES))
    with app.app_context():
        assert run_pending() == 1  # another person's is not held up
        assert states() == ["uploaded"] * 10 + ["planned"]


@pytest.mark.usefixtures("nothing_is_small")
def test_a_plan_whose_worker_was_killed_is_made_by_another(app: Flask, client: FlaskClient) -> None:
    upload(sign_in(client), ("names.csv", NAMES))
    with app.app_context():
        db.session.execute(update(Job).values(state="running", fence=1, leased_until=now()))
        db.session.commit()
        assert (run_pending(), states()) == (1, ["planned"])


@pytest.mark.usefixtures("nothing_is_small")
def test_a_fault_while_planning_is_told_and_the_file_is_read_again(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = upload(sign_in(client), ("names.csv", NAMES)).location
    with monkeypatch.context() as broken, app.app_context():
        broken.setattr(together, "plan_again", lambda *_arguments: 1 / 0)
        run_pending()
        assert states() == ["uploaded"]
    assert "This is a fault of Rollbook" in client.get(address).text
    client.post(f"{address}again/")
    with app.app_context():
        assert (run_pending(), states()) == (1, ["planned"])


@pytest.mark.usefixtures("nothing_is_small")
@pytest.mark.asvs("R5")
@pytest.mark.parametrize("planned", [False, True])
def test_r5_one_may_have_few_files_waiting(app: Flask, client: FlaskClient, planned: bool) -> None:
    app.config.update({"ROLLBOOK_IMPORTS_OPEN" if planned else "ROLLBOOK_IMPORTS_QUEUED": 3})
    sign_in(client)
    for number in range(3):
        assert upload(client, (f"{number}.csv", NAMES)).status_code == 302
    with app.app_context():
        if planned:
            run_pending()
        before = sorted(uploads().iterdir())
    answer = upload(client, ("more.csv", NAMES))
    assert (answer.status_code, "3 of your" in answer.text) == (429, True)
    told = upload(client, ("more.csv", NAMES), script=True)
    assert (told.status_code, "3 of your" in told.get_json()["message"]) == (429, True)
    with app.app_context():
        assert sorted(uploads().iterdir()) == before
    client.post("/imports/1/discard/")
    assert upload(client, ("more.csv", NAMES)).status_code == 302


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.usefixtures("nothing_is_small")
def test_an_apply_tells_how_far_its_reading_and_its_writing_are(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "SMALL_ROWS", 0)
    monkeypatch.setattr(changelog, "ROWS_AT_ONCE", 1)
    monkeypatch.setattr(rows, "BATCH", 1)
    told: list[str] = []

    def listened(of: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **options: object) -> object:
            with db.session.no_autoflush:
                one = db.session.get_one(Import, 1)
                told.append(progress_of_import(one, db.session.get(Job, one.job_id)).sentence)
            return of(*args, **options)

        return call

    sign_in(client)
    upload(client, ("names.csv", NAMES))
    with app.app_context():
        run_pending()
    client.post("/imports/1/apply/")
    monkeypatch.setattr(rows.RowsPlanner, "_plan_batch", listened(rows.RowsPlanner._plan_batch))
    monkeypatch.setattr(changelog, "append_revisions", listened(changelog.append_revisions))
    with app.app_context():
        run_pending()
        assert db.session.get_one(Import, 1).state == "applied"
    assert told == ["Opening the file…", "Reading: 1 row so far", "Writing: 0 of 2 rows", "Writing: 1 of 2 rows"]


@pytest.fixture
def page(app: Flask, browser_page: Page, live_server: str) -> Iterator[Page]:
    """Yield a browser after signing in, with the server's worker running."""
    sign_in_by_form(browser_page, live_server)
    app.extensions["worker"].start()
    yield browser_page
    app.extensions["worker"].stop()


DROP = """files => {
  const held = new DataTransfer();
  for (const [name, text] of files) held.items.add(new File([text], name));
  for (const type of ["dragenter", "dragover", "drop"]) {
    document.body.dispatchEvent(new DragEvent(type, { dataTransfer: held, bubbles: true, cancelable: true }));
    if (type === "dragover" && !document.body.classList.contains("takes-files")) throw new Error("no frame");
  }
}"""


@pytest.mark.browser
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("start", ["/imports/", "/customers/"])
def test_files_are_dropped_on_the_page(app: Flask, page: Page, live_server: str, start: str) -> None:
    with app.app_context():
        customer()
    page.goto(f"{live_server}{start}")
    page.evaluate(DROP, [["names.csv", NAMES]])
    page.wait_for_url("**/imports/1/")
    page.get_by_role("button", name="Apply 2 new customers").wait_for()
    with app.app_context():
        assert db.session.scalars(select(Import.file_name)).all() == ["names.csv"]
    page.goto(f"{live_server}{start}")
    page.evaluate(DROP, [["a.csv", NAMES], ["b.csv", NAMES]])
    page.wait_for_url("**/together/1/")
    page.get_by_role("button", name="Take out b.csv").wait_for()
    assert page.get_by_role("button", name="Take out").count() == 2


@pytest.mark.browser
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.usefixtures("nothing_is_small")
def test_one_watches_a_file_being_planned_and_lands_on_its_preview(app: Flask, page: Page, live_server: str) -> None:
    page.goto(f"{live_server}/imports/")
    rows = "".join(f"Person {number}\n" for number in range(3_000))
    page.set_input_files("#file", {"name": "many.csv", "mimeType": "text/csv", "buffer": f"Full name\n{rows}".encode()})
    page.get_by_role("button", name="Upload and preview").press("Enter")
    page.get_by_role("progressbar").first.wait_for()
    page.get_by_role("button", name="Apply 3,000 new customers").wait_for(timeout=30_000)
    assert page.url == f"{live_server}/imports/1/"


@pytest.mark.browser
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_file_that_cannot_be_sent_says_so_on_the_page(app: Flask, page: Page, live_server: str) -> None:
    app.config.update(ROLLBOOK_UPLOAD_MEGABYTES=0)
    page.goto(f"{live_server}/imports/")
    page.evaluate(DROP, [["names.csv", NAMES]])
    alert = page.get_by_role("alert").filter(has_text="names.csv")
    alert.wait_for()
    assert "names.csv: The file is larger than 0 MB. Split it, and send the parts." in alert.inner_text()
    with app.app_context():
        assert db.session.scalars(select(Import.id)).all() == []


@pytest.mark.browser
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_an_upload_without_a_file_says_so_beside_the_drop_zone(page: Page, live_server: str) -> None:
    page.goto(f"{live_server}/imports/")
    page.get_by_role("button", name="Upload and preview").press("Enter")
    said = page.locator(".drop-zone").get_by_role("alert")
    assert said.inner_text() == "Choose a workbook or a CSV file first."
    page.set_input_files("#file", {"name": "names.csv", "mimeType": "text/csv", "buffer": NAMES.encode()})
    assert said.count() == 0


@pytest.mark.browser
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_long_reason_why_a_file_cannot_be_read_is_wrapped(app: Flask, page: Page, live_server: str) -> None:
    with app.app_context():
        reason = "The headers of this file are none that anybody here would know. " * 8
        kept = {"entity": "customer", "through": "panel", "sha256": "", "stored_as": "x", "by": "Eva"}
        db.session.add(Import(**kept, file_name="x.csv", state="failed", message=reason))
        db.session.commit()
    page.goto(f"{live_server}/imports/")
    table = page.locator(".table-responsive").filter(has_text="x.csv")
    assert table.evaluate("one => one.scrollWidth - one.clientWidth") <= 0
