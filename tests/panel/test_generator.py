"""Logins and passwords as they are made: the generator's page, its buttons, and many processes at once."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, insert, select

from panel import create_app, generator
from panel.changelog import claim
from panel.database import writing
from panel.extensions import db
from panel.generator import claim_logins
from panel.imports.at_once import import_at_once
from panel.imports.options import ImportOptions, Viewer
from panel.models import Customer, GeneratorConfig, UniqueValue
from panel.pattern import Newcomer, PatternError
from panel.words import today
from tests.builders import customer
from tests.databases import Database, dispose
from tests.panel.pages import add_user, form_with, sign_in

SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
SETTINGS = {
    "login_pattern": "{id|6}",
    "login_characters": "abcdef",
    "password_characters": "abcdefghijkmnpqr",
    "password_length": "16",
    "default_billing_type": "recurring",
}


def configure(**settings: Any) -> None:
    with writing():
        config = db.session.get_one(GeneratorConfig, 1)
        for name, value in settings.items():
            setattr(config, name, value)


def take(*logins: str) -> None:
    """Let logins be somebody's without making customers of them."""
    with writing() as connection:
        rows = [{"entity": "customer", "field": "login", "value": one, "record_id": 10**6} for one in logins]
        connection.execute(insert(UniqueValue), rows)


def claimed(count: int, first_id: int = 1) -> list[tuple[int, str]]:
    newcomers = [Newcomer(first_id + step, f"c{step}@example.com") for step in range(count)]
    with writing() as connection:
        return claim_logins(connection, newcomers, today())


def previewed(client: FlaskClient, **typed: str) -> Any:
    return client.post("/generator/examples/", data=SETTINGS | typed).json


# Logins


def test_the_last_free_logins_of_a_nearly_full_pattern_are_found(app: Flask) -> None:
    with app.app_context():
        configure(login_pattern="{rand_number|4}")
        free = {"0007", "4711", "9999"}
        take(*(text for number in range(10_000) if (text := f"{number:04d}") not in free))
        assert {login for _id, login in claimed(3)} == free
        with pytest.raises(PatternError, match=r"no free login for 1 of 1 customers\. It makes 10000, and"):
            claimed(1, 50)


def test_numbers_and_ids_that_are_taken_are_passed_over_however_many_there_are(app: Flask) -> None:
    with app.app_context():
        take(*(f"{number:06d}" for number in range(1, 1_001)))
        made = claimed(3)
        assert [login for _id, login in made] == [f"{record_id:06d}" for record_id, _login in made]
        assert len({record_id for record_id, _login in made}) == 3
        configure(login_pattern="c{next}")
        take(*(f"c{number}" for number in range(1, 2_001)))
        assert {login for _id, login in claimed(1, 5_000)} == {"c2001"}


def test_a_taken_id_does_not_give_two_new_customers_one_id(app: Flask) -> None:
    with app.app_context():
        customer(login="000003")
        with writing():
            db.session.add_all([Customer(full_name="Bob"), Customer(full_name="Eva")])
        rows = db.session.execute(select(Customer.id, Customer.login).order_by(Customer.id)).all()
        assert len({login for _id, login in rows}) == 3
        assert all(login == f"{record_id:06d}" for record_id, login in rows[1:])


def test_logins_that_differ_by_capitals_only_are_one(app: Flask) -> None:
    with app.app_context():
        configure(login_pattern="{rand_string|1}", login_characters="aAbB")
        assert sorted(login.lower() for _id, login in claimed(2)) == ["a", "b"]
        with pytest.raises(PatternError, match="made no free login"):
            claimed(1, 9)


@SQLITE
@pytest.mark.parametrize("collisions", [19, 21])
def test_a_login_that_collides_again_and_again_is_looked_for(
    app: Flask, monkeypatch: pytest.MonkeyPatch, collisions: int
) -> None:
    with app.app_context():
        configure(login_pattern="{rand_number|6}")
        take("111111")
        drawn = iter(["1"] * 6 * collisions)
        choice = generator.secrets.choice
        monkeypatch.setattr(generator.secrets, "choice", lambda chars: next(drawn, None) or choice(chars))
        assert len(claimed(1)) == 1


def test_an_import_that_needs_more_logins_than_there_are_is_refused_whole_with_the_count(
    app: Flask, tmp_path: Any
) -> None:
    file = tmp_path / "new.csv"
    file.write_text("Full name\n" + "\n".join(f"Person {number}" for number in range(11)), "utf-8")
    with app.app_context():
        configure(login_pattern="{rand_number|1}")
        with pytest.raises(PatternError, match=r"makes 10 logins, and 11 are needed"):
            import_at_once(file, ImportOptions(), Viewer("command line", "command"), dry_run=False)
        assert db.session.scalars(select(Customer)).all() == []
        assert db.session.scalars(select(UniqueValue)).all() == []


def _add_customers(database: Database, count: int) -> None:
    app = create_app(instance=database.instance, database_url=database.url)
    with app.app_context():
        for _step in range(count):
            customer("Ann")
    dispose(app)


@pytest.mark.asvs("R21")
@pytest.mark.parametrize("pattern", ["{rand_number|3}", "c{next|4}"])
def test_twenty_processes_never_make_one_login_twice(app: Flask, database: Database, pattern: str) -> None:
    each, processes = 25, 20
    with app.app_context():
        configure(login_pattern=pattern)
    dispose(app)
    fork = multiprocessing.get_context("fork")
    running = [fork.Process(target=_add_customers, args=(database, each)) for _step in range(processes)]
    for one in running:
        one.start()
    for one in running:
        one.join(timeout=200)
    assert [one.exitcode for one in running] == [0] * processes
    with app.app_context():
        logins = db.session.scalars(select(Customer.login)).all()
        assert len(logins) == each * processes
        assert len(set(logins)) == each * processes


# The page


@SQLITE
def test_a_mistake_in_the_pattern_is_marked_at_its_place(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    answer = client.post("/generator/", data=SETTINGS | {"login_pattern": "abc{nobody}"})
    assert "Character 5 of the pattern: there is no {nobody}" in answer.text
    assert "abc{<mark>nobody</mark>}\n    ^^^^^^" in answer.text
    live = previewed(client, login_pattern="abc{nobody}")
    assert live["mistake"][1:] == ["abc{", "nobody", "}"]
    with app.app_context():
        assert db.session.get_one(GeneratorConfig, 1).login_pattern == "{id|6}"


@SQLITE
def test_three_people_show_what_is_being_typed(client: FlaskClient) -> None:
    answer = previewed(sign_in(client), login_pattern="{email|4}.{phone|3}{id}")
    assert answer["examples"] == [
        ["Anna Novak", "anna.4561042"],
        ["Petr Svoboda", "petr.3211043"],
        ["Green Valley Ltd", "offi.0181044"],
    ]


@pytest.mark.parametrize(
    ("pattern", "taken", "words", "warning"),
    [
        ("{id|6}", [], "It makes an unlimited number of logins.", ""),
        ("{email}", [], "It makes 1 login for each email.", ""),
        ("{email|3}{rand_number|2}", [], "It makes 100 logins for each email.", ""),
        ("c{rand_number|3}", [], "It makes 1,000 logins. None of them is taken.", ""),
        ("c{rand_number|1}", ["c1", "c12", "x1"], "It makes 10 logins. 1 of them are taken (10 %).", ""),
        ("{rand_string|1}", list("abc"), "It makes 6 logins. 3 of them are taken (50 %).", "More than half"),
        ("c{rand_number|1}", [f"c{n}" for n in range(9)], "(90 %)", "nearly used up"),
        ("{partner_id|2}{rand_number|1}", ["015"], "It makes 10 logins. 1 of them are taken (10 %).", ""),
        ("{day}{rand_number|1}", [], "It makes 10 logins a day.", ""),
    ],
)
def test_the_page_says_how_many_logins_there_are_and_how_many_are_taken(
    app: Flask, client: FlaskClient, pattern: str, taken: list[str], words: str, warning: str
) -> None:
    if taken:
        with app.app_context():
            take(*taken)
    answer = previewed(sign_in(client), login_pattern=pattern)
    assert words in answer["supply"]
    assert answer["warning"] == warning or (warning and warning in answer["warning"])


@pytest.mark.parametrize("signs", ["]^-", "^-", "^", "]", "*?[", "-a"])
def test_signs_in_the_characters_are_counted_as_themselves(app: Flask, client: FlaskClient, signs: str) -> None:
    with app.app_context():
        take(*(f"a{sign}b" for sign in signs), "a+b", "azb")
    answer = previewed(sign_in(client), login_pattern="{rand_string|3}", login_characters="ab" + signs.strip("a"))
    expected = len(signs.strip("a")) + signs.count("a")
    assert f" {expected} of them are taken" in answer["supply"]


def test_a_pattern_that_is_used_up_is_not_saved_and_one_that_is_half_used_says_so(
    app: Flask, client: FlaskClient
) -> None:
    sign_in(client)
    with app.app_context():
        take(*(f"c{number}" for number in range(10)), *(f"d{number}" for number in range(5)))
    answer = client.post("/generator/", data=SETTINGS | {"login_pattern": "c{rand_number|1}"})
    assert "All of them are taken" in answer.text
    assert answer.status_code == 200
    answer = client.post("/generator/", data=SETTINGS | {"login_pattern": "d{rand_number|1}"}, follow_redirects=True)
    assert "More than half of them are taken" in answer.text
    with app.app_context():
        assert db.session.get_one(GeneratorConfig, 1).login_pattern == "d{rand_number|1}"


@SQLITE
@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"password_length": "4"}, "16 bits: too weak"),
        ({"password_length": "200"}, "Write a number from 4 to 128."),
        ({"password_characters": "aabb"}, "came more often"),
        ({"login_characters": "a b"}, "U+0020"),
        ({"login_characters": "0O", "clear_characters": "y"}, "At least two letters or digits"),
        ({"login_pattern": "same"}, "tells two customers apart"),
        ({"default_billing_type": "never"}, "Not a valid choice"),
    ],
)
def test_settings_that_do_not_do_are_refused_beside_their_input(
    client: FlaskClient, wrong: dict[str, str], sentence: str
) -> None:
    answer = sign_in(client).post("/generator/", data=SETTINGS | wrong)
    assert answer.status_code == 200
    assert sentence in answer.text.replace("&#39;", "'")


@SQLITE
def test_weak_passwords_are_said_and_clear_characters_are_kept(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    typed = SETTINGS | {"password_length": "8", "password_characters": "0O1lI|5S2Z8Bxyzuvw", "clear_characters": "y"}
    answer = client.post("/generator/", data=typed, follow_redirects=True)
    assert "20 bits: weak" in answer.text
    made = "".join(client.post("/generate/password/").json["value"] for _step in range(50))
    assert set(made) == set("xyzuvw")


@SQLITE
def test_the_defaults_are_restored_and_the_switches_stay(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    with app.app_context():
        configure(login_pattern="x{id}", password_length=20, clear_characters=True, show_generate=False)
    assert client.post("/generator/defaults/").status_code == 302
    with app.app_context():
        config = db.session.get_one(GeneratorConfig, 1)
        assert (config.login_pattern, config.password_length, config.clear_characters) == ("{id|6}", 8, False)
        assert config.show_generate is False


@SQLITE
def test_only_those_who_configure_open_the_generator(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        add_user("eva@example.com", "manager")
    sign_in(client, "eva@example.com", "four words and a comma")
    answers = [
        client.get("/generator/"),
        *(client.post(f"/generator/{page}") for page in ("", "examples/", "defaults/")),
    ]
    assert Counter(answer.status_code for answer in answers) == {403: 4}


# The buttons


@SQLITE
@pytest.mark.parametrize(
    ("switches", "data", "status"),
    [
        ({}, {}, 200),
        ({"show_generate": False}, {}, 403),
        ({"login_change_on_add": False}, {}, 403),
        ({"login_change_on_add": False}, {"_id": "1"}, 200),
        ({"login_change_on_edit": False}, {}, 200),
        ({"login_change_on_edit": False}, {"_id": "1"}, 403),
    ],
)
def test_the_generate_button_obeys_the_switches_in_the_server(
    app: Flask, client: FlaskClient, switches: dict[str, bool], data: dict[str, str], status: int
) -> None:
    with app.app_context():
        customer()
        configure(**switches)
    answer = sign_in(client).post("/generate/login/", data=data)
    assert answer.status_code == status
    assert bool(answer.json.get("message")) == (status == 403)
    page = client.get("/customers/edit/?id=1" if data else "/customers/new/").text
    assert ('data-generate="/generate/login/"' in page) == (status == 200)


@SQLITE
def test_a_posted_login_is_ignored_where_it_may_not_be_typed(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        configure(login_change_on_add=False)
    form = form_with(sign_in(client).get("/customers/new/").text, "full_name")
    assert client.post("/customers/new/", data=form | {"full_name": "Ann", "login": "mine"}).status_code == 302
    with app.app_context():
        assert db.session.scalars(select(Customer.login)).one() == "000001"


def test_a_suggestion_finds_the_last_free_login(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        configure(login_pattern="{rand_number|3}")
        take(*(text for number in range(1_000) if (text := f"{number:03d}") != "404"))
    sign_in(client)
    assert client.post("/generate/login/").json == {"value": "404"}
    with app.app_context(), writing() as connection:
        connection.execute(delete(UniqueValue).where(UniqueValue.value == "000"))
        claim(connection, [{"entity": "customer", "field": "login", "value": "404", "record_id": 5}])
    assert client.post("/generate/login/").json == {"value": "000"}
