"""The forms of a customer as somebody fills them in all day: by keyboard and mouse, in a real Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from sqlalchemy import select

from panel.database import writing
from panel.extensions import db
from panel.maps import read_tiles
from panel.models import Customer, GeneratorConfig
from tests.browser import complaints_of, sign_in_by_form
from tests.builders import additional_field, customer, edit
from tests.panel.pages import STAFF_PASSWORD, add_user

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine", ["sqlite"], indirect=True)]


@pytest.fixture
def page(browser_page: Page, live_server: str) -> Iterator[Page]:
    """Yield the first page after signing in; then look for complaints."""
    complaints = complaints_of(browser_page)
    sign_in_by_form(browser_page, live_server)
    yield browser_page
    browser_page.wait_for_load_state()  # the server goes before the page does, and scripts may be on their way
    assert complaints == []


def open_add(page: Page, server: str) -> None:
    page.goto(f"{server}/customers/new/")


def open_edit(page: Page, server: str, record_id: int) -> None:
    page.goto(f"{server}/customers/edit/?id={record_id}")


def field(page: Page, label: str) -> Locator:
    """Return the input with a label, without looking at what else the page calls so."""
    return page.locator("form.card").get_by_label(label, exact=True)


def row(page: Page, label: str) -> Locator:
    """Return an input with its label, help and messages."""
    return page.locator(".field").filter(has=page.locator("label", has_text=label)).first


def chips(page: Page, label: str) -> list[str]:
    return row(page, label).locator(".member-text").all_inner_texts()


def saved(app: Flask, record_id: int) -> Customer:
    with app.app_context():
        return db.session.scalars(select(Customer).where(Customer.id == record_id)).one()


def focused(page: Page) -> str:
    """Return how a screen reader would call what has the focus."""
    return str(
        page.evaluate("(one => one.labels?.[0]?.innerText || one.ariaLabel || one.innerText)(document.activeElement)")
    ).strip()


def configure(app: Flask, **settings: Any) -> None:
    with app.app_context(), writing():
        config = db.session.get_one(GeneratorConfig, 1)
        for name, value in settings.items():
            setattr(config, name, value)


def test_emails_are_chips_that_keys_add_order_and_remove_and_a_wrong_one_is_marked(
    page: Page, live_server: str
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_add(page, live_server)
    field(page, "Email").focus()
    page.keyboard.type("a@example.com")
    page.keyboard.press("Enter")
    page.keyboard.type("b@example.com, c@example.com")
    assert chips(page, "Email") == ["a@example.com", "b@example.com"]
    page.evaluate("navigator.clipboard.writeText(', d@example.com\\ne@example.com; f@')")
    page.keyboard.press("Control+V")
    assert chips(page, "Email") == [f"{one}@example.com" for one in "abcde"] + ["f@"]
    row(page, "Email").get_by_text("'f@' is no email address").wait_for()
    assert row(page, "Email").locator(".member-bad").all_inner_texts()[0].startswith("f@")
    assert row(page, "Email").locator(".member-bad").count() == 1

    page.keyboard.press("Backspace")  # in the blank input it takes the last one
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowLeft")
    assert chips(page, "Email") == [f"{one}@example.com" for one in "abced"]
    page.keyboard.press("ArrowLeft")
    with page.expect_response("**/customers/check/"):
        page.keyboard.press("Delete")
    assert chips(page, "Email") == [f"{one}@example.com" for one in "abed"]
    assert row(page, "Email").locator(".member-bad").count() == 0
    assert focused(page) == "Edit: e@example.com"


def test_chips_are_changed_ordered_and_removed_by_the_mouse_and_saved(app: Flask, page: Page, live_server: str) -> None:
    with app.app_context():
        record_id = customer(emails=[f"{one}@example.com" for one in "abd"])
    open_edit(page, live_server, record_id)
    page.get_by_role("button", name="Remove: a@example.com").click()
    page.get_by_role("button", name="Move forward: d@example.com").click()
    page.get_by_role("button", name="Edit: b@example.com").click()
    page.keyboard.press("Control+A")
    page.keyboard.type("bob@example.com")
    field(page, "Phone number").fill("+420 603 111 222, 112")
    page.keyboard.press("Control+Enter")
    page.get_by_text("2 fields were saved").wait_for()
    one = saved(app, record_id)
    assert one.emails == ["d@example.com", "bob@example.com"]
    assert one.phones == ["+420 603 111 222", "112"]


def test_a_category_shows_what_belongs_to_it_and_keeps_what_was_typed_for_another(
    app: Flask, page: Page, live_server: str
) -> None:
    with app.app_context():
        additional_field("vat", label="VAT number", category="company", add=True)
    open_add(page, live_server)
    field(page, "Full name").fill("Ann Novak")
    field(page, "Passport").fill("AB 123")
    assert field(page, "VAT number").is_hidden()
    field(page, "Category").select_option("Company")
    assert field(page, "Passport").is_hidden()
    assert field(page, "Date of birth").is_hidden()
    field(page, "VAT number").fill("CZ1")
    field(page, "Category").select_option("Private person")
    assert field(page, "Passport").input_value() == "AB 123"
    assert field(page, "VAT number").is_hidden()
    page.keyboard.press("Control+Enter")
    page.get_by_role("heading", name="Ann Novak").wait_for()
    assert (saved(app, 1).passport, saved(app, 1).extra) == ("AB 123", {})


def test_generate_buttons_obey_the_switches_of_the_generator(app: Flask, page: Page, live_server: str) -> None:
    login, password = (page.get_by_role("button", name=f"Generate a {one}") for one in ("login", "password"))
    configure(app, login_pattern="RB{next|4}", password_characters="abc", password_length=14)
    with app.app_context():
        record_id = customer(login="mine")
    open_add(page, live_server)
    login.click()
    page.wait_for_function("() => document.querySelector('[name=login]').value === 'RB0001'")
    password.click()
    page.wait_for_function("() => /^[abc]{14}$/.test(document.querySelector('[name=password]').value)")

    configure(app, login_change_on_edit=False)
    open_edit(page, live_server, record_id)
    assert field(page, "Login").is_disabled()
    assert (login.count(), password.count()) == (0, 1)
    configure(app, show_generate=False)
    open_add(page, live_server)
    assert field(page, "Login").is_enabled()
    assert (login.count(), password.count()) == (0, 1)
    configure(app, show_generate=True, login_change_on_add=False)
    open_add(page, live_server)
    assert field(page, "Login").is_disabled()
    assert login.count() == 0


def test_a_place_is_set_on_a_map_without_tiles_by_a_click_by_keys_and_by_text(
    app: Flask, page: Page, live_server: str
) -> None:
    with app.app_context():
        record_id = customer(geo="49.2, 16.6")
    open_edit(page, live_server, record_id)
    dialog = page.get_by_role("dialog", name="Place on the map")
    use = dialog.get_by_role("button", name="Use this place")
    button = row(page, "Geo data").get_by_role("button", name="Map")
    field(page, "Geo data").fill("50.1, 14.4")
    button.click()
    assert dialog.locator("output").inner_text() == "50.1, 14.4"
    dialog.locator(".leaflet-marker-icon").wait_for()
    dialog.locator("[data-map]").click(position={"x": 60, "y": 60})
    clicked = dialog.locator("output").inner_text()
    assert clicked != "50.1, 14.4"
    page.keyboard.press("Escape")
    assert dialog.count() == 0
    assert field(page, "Geo data").input_value() == "50.1, 14.4", "Escape takes nothing"
    assert focused(page) == "Map"

    page.keyboard.press("Enter")
    page.keyboard.press("ArrowUp")
    page.wait_for_function("() => !document.querySelector('.leaflet-pan-anim')")
    page.keyboard.press("Enter")
    north, east = dialog.locator("output").inner_text().split(", ")
    assert float(north) > 50.1
    assert float(east) == pytest.approx(14.4, abs=0.001)
    use.click()
    assert field(page, "Geo data").input_value() == f"{north}, {east}"
    page.keyboard.press("Control+Enter")
    page.get_by_text("1 field was saved").wait_for()
    assert saved(app, record_id).geo == f"{north}, {east}"


TILES = "http://127.0.0.1:9"


def test_tiles_may_be_asked_of_their_host_as_pictures_and_nothing_else_is_allowed(
    app: Flask, browser_page: Page, live_server: str
) -> None:
    page = browser_page  # what is refused is said on the console
    sign_in_by_form(page, live_server)
    app.extensions["tiles"] = read_tiles(
        {"ROLLBOOK_MAP_TILES": f"{TILES}/{{z}}/{{x}}/{{y}}.svg", "ROLLBOOK_MAP_ATTRIBUTION": "Ours"}
    )
    picture = '<svg xmlns="http://www.w3.org/2000/svg" width="256" height="256"/>'
    anybody = {"access-control-allow-origin": "*"}
    page.context.route(
        lambda url: not url.startswith(live_server),
        lambda route: route.fulfill(body=picture, content_type="image/svg+xml", headers=anybody),
    )
    open_add(page, live_server)
    row(page, "Geo data").get_by_role("button", name="Map").click()
    page.locator("img.leaflet-tile-loaded").first.wait_for()
    answers = page.evaluate(
        """async ([tiles, other]) => {
          const shown = (src) => new Promise((resolve) => {
            const picture = new Image();
            picture.onload = () => resolve(true);
            picture.onerror = () => resolve(false);
            picture.src = src;
          });
          const run = (src) => new Promise((resolve) => {
            const script = document.createElement("script");
            script.onload = () => resolve(true);
            script.onerror = () => resolve(false);
            script.src = src;
            document.head.append(script);
          });
          const asked = (url) => fetch(url).then(() => true, () => false);
          return [
            await shown(tiles + "/1.svg"), await shown(other + "/1.svg"), await run(tiles + "/1.js"), await asked(tiles)
          ];
        }""",
        [TILES, "http://127.0.0.1:10"],
    )
    assert answers == [True, False, False, False]


def test_who_may_be_there_already_is_told_while_typing_asked_on_saving_and_added_anyway(
    app: Flask, page: Page, live_server: str
) -> None:
    with app.app_context():
        customer("Anna Novak", city="Brno", emails=["anna@example.com"])
    open_add(page, live_server)
    warning = page.locator("[data-duplicates]")
    field(page, "Full name").fill("Novák Anna")
    warning.get_by_text("similar name").wait_for()
    assert warning.evaluate("one => one.getBoundingClientRect().bottom <= innerHeight"), "it is seen without scrolling"
    page.get_by_role("button", name="Add anyway").wait_for()
    field(page, "Full name").fill("Somebody Else")
    warning.wait_for(state="hidden")
    field(page, "Email").fill("anna@example.com")
    page.keyboard.press("Control+Enter")
    warning.get_by_text("same email").wait_for()
    assert page.get_by_role("heading", name="Add customer").is_visible()
    with page.expect_popup() as popup:
        warning.get_by_role("link", name="Anna Novak").click()
    popup.value.get_by_role("heading", name="Anna Novak").wait_for()
    page.get_by_role("button", name="Add anyway").click()
    page.get_by_role("heading", name="Somebody Else").wait_for()
    assert saved(app, 2).emails == ["anna@example.com"]


def save_as_eva(chromium: Browser, server: str, record_id: int, **typed: str) -> None:
    """Let a colleague change a customer in a browser of her own."""
    eva = chromium.new_context().new_page()
    sign_in_by_form(eva, server, "eva@example.com", STAFF_PASSWORD)
    open_edit(eva, server, record_id)
    for label, text in typed.items():
        field(eva, label).fill(text)
    eva.keyboard.press("Control+Enter")
    eva.get_by_text(f"{len(typed)} fields were saved").wait_for()
    eva.context.close()


def test_the_second_of_two_people_sees_what_the_first_changed_and_merges_field_by_field(
    app: Flask, page: Page, chromium: Browser, live_server: str
) -> None:
    with app.app_context():
        record_id = customer(city="Brno", street="Long 1", emails=["a@example.com"], zip_code="60200")
        add_user("eva@example.com", "staff")
    open_edit(page, live_server, record_id)
    theirs = {"City": "Praha", "Street": "Short 2", "ZIP code": "11000", "Email": "eva@example.com"}
    save_as_eva(chromium, live_server, record_id, **theirs)
    field(page, "City").fill("Olomouc")
    field(page, "Street").fill("Other 3")
    field(page, "Email").fill("mine@example.com")
    field(page, "Passport").fill("AB 1")
    page.keyboard.press("Control+Enter")
    page.get_by_text("Nothing was saved yet.").wait_for()
    assert page.locator(".meanwhile").count() == 2
    page.get_by_text("and kept: ZIP code.").wait_for()
    said = row(page, "City").locator(".meanwhile").inner_text()
    assert all(words in said for words in ("eva@example.com", "Brno", "Praha", "Olomouc"))
    assert saved(app, record_id).city == "Praha"
    row(page, "City").get_by_role("button", name="Take the panel's").click()
    assert field(page, "City").input_value() == "Praha"
    page.get_by_role("button", name="Save").click()
    page.get_by_role("heading", name="Ann Novak").wait_for()
    one = saved(app, record_id)
    assert (one.city, one.street, one.zip_code, one.passport) == ("Praha", "Other 3", "11000", "AB 1")
    assert one.emails == ["a@example.com", "mine@example.com", "eva@example.com"], "each added one of several"


def test_a_value_is_restored_from_its_line_of_history_after_a_question(
    app: Flask, page: Page, live_server: str
) -> None:
    with app.app_context():
        record_id = customer(city="Brno")
        edit(record_id, city="Praha")
        edit(record_id, city="Olomouc")
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.message)
        (dialog.accept if len(asked) > 1 else dialog.dismiss)()

    page.on("dialog", answer)
    page.goto(f"{live_server}/customers/details/?id={record_id}")
    restore = page.get_by_role("button", name="Restore City: Brno")
    restore.click()
    assert asked == ["Change City from Olomouc back to Brno?"]
    assert saved(app, record_id).city == "Olomouc"
    restore.press("Enter")
    page.get_by_text("1 field was saved").wait_for()
    assert saved(app, record_id).city == "Brno"
    who = page.locator("summary[title='Who set City']")
    who.press("Enter")
    page.get_by_text("History of this field").and_(page.locator(":visible")).wait_for()
    page.keyboard.press("Escape")
    assert page.locator("details.blame[open]").count() == 0
    assert who.evaluate("one => one === document.activeElement")
    assert "City from Olomouc to Brno" in " ".join(page.locator(".history > li").first.inner_text().split())


def refuse(page: Page) -> None:
    """Save what cannot be saved, so that the form is shown again with what was typed."""
    field(page, "Geo data").fill("somewhere")
    page.keyboard.press("Control+Enter")
    page.get_by_text("Nothing was saved yet.").wait_for()


def choose_friend(page: Page) -> None:
    row(page, "Friend").get_by_role("combobox").press_sequentially("Eva")
    page.get_by_role("option", name="Eva").click()


def test_unsaved_changes_are_not_left_unasked_however_they_were_made(app: Flask, page: Page, live_server: str) -> None:
    with app.app_context():
        additional_field("friend", "relation", target="customer", add=True)
        customer("Eva")
        customer("Bob", emails=["bob@example.com"], extra={"friend": 1})
    changes: tuple[Callable[[], object], ...] = (
        lambda: field(page, "City").fill("Brno"),
        lambda: page.get_by_role("button", name="Remove: bob@example.com").click(),
        lambda: choose_friend(page),
        lambda: refuse(page),
    )
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.type)
        (dialog.accept if len(asked) % 2 == 0 else dialog.dismiss)()

    page.on("dialog", answer)
    home = page.get_by_role("link", name="Home").first
    for change in changes:
        open_edit(page, live_server, 2)
        change()
        with page.expect_event("dialog"):
            home.click()
        assert "/customers/" in page.url, "whoever stays is still there"
        with page.expect_event("dialog"):
            home.click()
        page.wait_for_url(f"{live_server}/")
    assert asked == ["beforeunload"] * 2 * len(changes)

    open_edit(page, live_server, 2)
    home.click()
    page.wait_for_url(f"{live_server}/")
    open_edit(page, live_server, 2)
    field(page, "City").fill("Brno")
    page.keyboard.press("Control+Enter")
    page.get_by_text("1 field was saved").wait_for()
    assert len(asked) == 2 * len(changes), "nothing is asked where nothing would be lost"


ORDER = (
    "Login",
    "Generate a login",
    "Password",
    "Generate a password",
    "Type of billing",
    "Full name",
    "Email",
    "Phone number",
    "Category",
    "Date of birth",
    "Passport",
    "Partner",
    "Location",
    "Date added",
    "Street",
    "ZIP code",
    "City",
    "Geo data",
    "Map",
    "Friend",
    "Cancel",
    "Add and another",
    "Add",
)


def test_the_tab_key_goes_through_the_add_form_in_its_order(app: Flask, page: Page, live_server: str) -> None:
    with app.app_context():
        additional_field("friend", "relation", target="customer", add=True)
    open_add(page, live_server)
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the page"
    page.keyboard.press("Enter")
    met: list[str] = []
    while "Add" not in met:
        page.keyboard.press("Tab")
        name = focused(page).removesuffix(" *")
        met += [name] if name not in met[-1:] else []  # a date is several stops
    assert tuple(met) == ORDER


def test_a_customer_is_added_by_keys_alone_after_a_look_at_what_was_wrong(
    app: Flask, page: Page, live_server: str
) -> None:
    with app.app_context():
        friend = customer("Bob Brown")
        additional_field("friend", "relation", target="customer", add=True)
    open_add(page, live_server)
    field(page, "Geo data").focus()
    page.keyboard.type("somewhere")
    page.keyboard.press("Enter")
    page.get_by_text("2 fields need a look").wait_for()
    assert focused(page) == "Full name"
    page.keyboard.type("Ann Novak")
    page.get_by_role("alert").get_by_role("link", name="Geo data").press("Enter")
    assert focused(page) == "Geo data"
    page.keyboard.press("Control+A")
    page.keyboard.type("50, 14")
    for key in ("Tab", "Tab", "B", "o", "b"):
        page.keyboard.press(key)
    choice = page.get_by_role("option", name="Bob Brown")
    choice.wait_for()
    page.keyboard.press("Escape")
    choice.wait_for(state="hidden")
    page.keyboard.type(" Br")
    choice.wait_for()
    page.keyboard.press("Enter")
    page.keyboard.press("Control+Enter")
    page.get_by_role("heading", name="Ann Novak").wait_for()
    assert saved(app, 2).extra == {"friend": friend}


SMALL = """() => [...document.querySelectorAll("main *")]
  .filter((one) => one.matches("a, button, input, select, textarea, .form-check, .members, .ts-control"))
  .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.closest(".visually-hidden"))
  .filter((one) => !["checkbox", "radio", "hidden"].includes(one.type))
  .filter((one) => !one.matches(".member-entry, .tomselected, .ts-control *"))
  .map((one) => [one.getBoundingClientRect(), one])
  .filter(([box]) => box.height < 40 || box.left < 0 || box.right > innerWidth)
  .map(([box, one]) => `${one.outerHTML.slice(0, 120)} ${Math.round(box.width)}×${Math.round(box.height)}`)"""


def test_on_a_phone_the_form_fits_and_each_target_is_large_enough_for_a_thumb(
    app: Flask, page: Page, live_server: str
) -> None:
    with app.app_context():
        customer("Anna Novak", emails=["a-rather-long-address-of-somebody@subdomain.example.com", "b@example.com"])
        for type_ in ("file", "multi_select", "relation", "datetime", "text"):
            options = [["a", "First of the options"], ["b", "Second of the options"]] if "select" in type_ else []
            target = "customer" if type_ == "relation" else None
            additional_field(type_, type_, options=options, target=target)
    page.set_viewport_size({"width": 390, "height": 844})
    open_edit(page, live_server, 1)
    field(page, "Email").fill("wrong,")
    row(page, "Email").get_by_text("'wrong' is no email address").wait_for()
    assert page.evaluate(SMALL) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.locator(".form-last > .form-end").evaluate("one => one.offsetHeight") < 70, "the buttons are one row"
