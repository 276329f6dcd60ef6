"""Field rights: role × field × path, and no byte of a field that somebody may not see."""

from __future__ import annotations

import io
import itertools
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import select

from panel.access import hash_password
from panel.database import writing
from panel.extensions import db
from panel.forms.customer import assign
from panel.forms.registry import ENTRIES
from panel.models import AdditionalField, Customer, Event, Location, Partner, Role, Status, StoredFile, User
from panel.permissions import ADMIN
from panel.rights import EDIT, EVERY_FIELD, NONE, SEE, FieldRights, widest
from panel.schema import BUILT_IN, current_schema
from sync.fields import Bad
from sync.types import FIELD_TYPES
from sync.values import parse_value
from tests.builders import additional_field, customer
from tests.panel.pages import STAFF_PASSWORD, form_with, sign_in

EVA = "eva@example.com"
ALL_BUT_ADMIN = [name for name in ADMIN if name not in {"config", "users", "audit"}]

# What is typed into each field, and where it is spelled otherwise in pages, what to look for.
BUILT_IN_TEXTS: dict[str, tuple[str, ...]] = {
    "login": ("qzlogin77",),
    "password": ("qzsecret99",),
    "status": ("Qzstatus",),
    "billing_type": ("Prepaid",),
    "full_name": ("Qzname Person",),
    "emails": ("qzmail@example.com",),
    "phones": ("+420603918273", "603 918 273", "603918273"),
    "category": ("Company",),
    "date_of_birth": ("1912-03-04",),
    "passport": ("QZPASS123",),
    "partner": ("Qzpartner",),
    "location": ("Qzlocation",),
    "date_added": ("1913-04-05",),
    "street": ("Qzstreet 5",),
    "zip_code": ("QZZIP9",),
    "city": ("Qzcity",),
    "geo": ("12.345671, 76.543219", "12.345671"),
}
TYPE_TEXTS: dict[str, tuple[str, ...]] = {
    "string": ("Qzstring value",),
    "text": ("Qztext value",),
    "integer": ("918273645",),
    "decimal": ("7364.1827",),
    "money": ("918273.75",),
    "date": ("1914-05-06",),
    "datetime": ("1915-06-07 08:09", "1915-06-07"),
    "boolean": ("Yes",),
    "select": ("Qzoption",),
    "multi_select": ("Qzchoice",),
    "email": ("qzextra@example.com",),
    "phone": ("+420604817263", "604 817 263", "604817263"),
    "url": ("https://qzurl.example/",),
    "ip": ("10.98.76.54",),
    "mac": ("02:98:76:54:32:10",),
    "password": ("qzpassword 55",),
    "relation": ("918273000555",),
    "multi_relation": ("918273000666",),
    "file": ("qzfile.pdf",),
}
OPTIONS = {"select": [["qz_o", "Qzoption"]], "multi_select": [["qz_c", "Qzchoice"]]}
ADDITIONAL = {f"x_{key}": key for key in TYPE_TEXTS}
_numbers = itertools.count(1)
KEYS = [*BUILT_IN_TEXTS, *ADDITIONAL]


def texts_of(key: str) -> tuple[str, ...]:
    return BUILT_IN_TEXTS.get(key) or TYPE_TEXTS[ADDITIONAL[key]]


def canaries_of(key: str) -> list[bytes]:
    """Return what tells that a field was shown; a label of ours where the value, a yes, is everywhere."""
    label = [f"Qzlabel {key}.".encode()] if key in ADDITIONAL else []
    return label if ADDITIONAL.get(key) == "boolean" else [*label, *(text.encode() for text in texts_of(key))]


@dataclass
class World:
    """An instance with a customer full of canaries, seen by Eva."""

    app: Flask
    client: FlaskClient
    runner: FlaskCliRunner
    canary: int
    plain: int
    preview: str = ""
    seen: list[bytes] = field(default_factory=list)

    def grant(self, *rights: dict[str, str]) -> None:
        """Give Eva one role with each of these field rights."""
        with self.app.app_context(), writing():
            eva = db.session.scalars(select(User).where(User.email == EVA)).one()
            eva.roles = [
                Role(name=f"limited {next(_numbers)}", permissions=ALL_BUT_ADMIN, field_rights=one) for one in rights
            ]

    def get(self, address: str) -> str:
        answer = self.client.get(address)
        assert answer.status_code == 200, f"{address}: {answer.status}"
        return answer.text

    def ids(self, query: str) -> list[str]:
        """Return the customers of a list in its order; every row links to its details."""
        page = self.get(f"/customers/?{query}")
        found = [part.partition('"')[0] for part in page.split("/customers/details/?id=")[1:]]
        return list(dict.fromkeys(found))


@pytest.fixture
def world(app: Flask, client: FlaskClient, runner: FlaskCliRunner) -> World:
    for key, type_ in ADDITIONAL.items():
        with app.app_context():
            more = {"options": OPTIONS.get(type_, []), "show_in_list": True, "searchable": True}
            more["target"] = "customer" if "relation" in type_ else ""
            additional_field(key, type_, label=f"Qzlabel {key}.", **more)
    with app.app_context():
        with writing():
            db.session.add_all([Partner(name="Qzpartner"), Location(name="Qzlocation")])
            db.session.add(Status(label="Qzstatus", services="active", deletable=True, position=9))
            eva = User(email=EVA, name="Eva", password_hash=hash_password(STAFF_PASSWORD))
            eva.roles = [Role(name="limited", permissions=ALL_BUT_ADMIN)]
            db.session.add(eva)
        made = World(app, client, runner, full_customer(), customer("Plain", city="Aa", street="Aa"))
    sign_in(client, EVA, STAFF_PASSWORD)
    return made


def full_customer() -> int:
    """Add a customer with a canary in every field."""
    schema = current_schema(db.session.connection())
    one = Customer()
    for entry in (entry for entry in schema.fields if not entry.part):
        value = stored_file(entry.key) if entry.type == "file" else parse_value(texts_of(entry.key)[0], entry)
        assert value is not None
        assert not isinstance(value, Bad), value
        assign(one, entry, value)
    db.session.add(one)
    db.session.commit()
    return one.id


def stored_file(key: str) -> int:
    """Add a file with a field's canary as its name."""
    one = StoredFile(name=texts_of(key)[0], size=1, sha256="", stored_as=key, by="", field=key)
    db.session.add(one)
    db.session.flush()
    return one.id


def unpacked(content: bytes) -> bytes:
    """Return all parts of a workbook, one after the other."""
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        return b"".join(parts.read(name) for name in parts.namelist())


# The paths by which a value could come out: each returns everything that Eva got.


def by_list(world: World) -> Iterator[bytes]:
    for query in ("", "search=Plain", "sort=id&desc=1", f"search={world.canary}"):
        yield world.client.get(f"/customers/?{query}").data


def by_detail(world: World) -> Iterator[bytes]:
    yield world.client.get(f"/customers/details/?id={world.canary}").data


def by_form(world: World) -> Iterator[bytes]:
    yield world.client.get(f"/customers/edit/?id={world.canary}").data
    yield world.client.get("/customers/new/").data
    yield world.client.post(f"/customers/edit/?id={world.canary}", data={"_revision": "0", "emails": "no mail"}).data


def by_history(world: World) -> Iterator[bytes]:
    page = world.client.get(f"/customers/details/?id={world.canary}").text
    yield page[page.index('id="history-heading"') :].encode()


def by_export(world: World) -> Iterator[bytes]:
    for ending in ("csv", "xlsx"):
        answer = world.client.post("/exports/new/", data={"format": ending}, buffered=True).data
        yield unpacked(answer) if ending == "xlsx" else answer
    yield world.client.get("/exports/").data


def by_command(world: World) -> Iterator[bytes]:
    out = world.app.config["ROLLBOOK_INSTANCE"] / "out.csv"
    assert world.runner.invoke(args=["export", str(out), "--as", EVA]).exit_code == 0
    yield out.read_bytes()
    sheet = (
        "ID," + ",".join(f"Qzlabel {key}." for key in ADDITIONAL) + f",City\n{world.canary}," + "," * len(ADDITIONAL)
    )
    out.write_text(sheet + "Zlin\n", "utf-8")
    answer = world.runner.invoke(args=["import", str(out), "--dry-run", "--json", "--accept-unknown", "--as", EVA])
    assert json.loads(answer.stdout)["rows"] == 1, answer.output
    yield json.dumps(json.loads(answer.stdout)["changes"]).encode()


def by_import(world: World) -> Iterator[bytes]:
    yield world.client.get("/imports/").data
    for group in ("", "problem", "conflict", "unknown", "change", "new", "ignored", "absent", "columns"):
        yield world.client.get(f"{world.preview}?group={group}").data


def by_other_pages(world: World) -> Iterator[bytes]:
    yield world.client.get("/").data
    yield world.client.post("/generate/login/", data={"_id": str(world.canary)}).data


PATHS: dict[str, Callable[[World], Iterator[bytes]]] = {
    "list": by_list,
    "detail": by_detail,
    "form": by_form,
    "history": by_history,
    "export": by_export,
    "command": by_command,
    "import": by_import,
    "other pages": by_other_pages,
}
# Where nobody is limited, this many of the fields are found on a path: the search can find what it looks for.
FOUND = {
    "list": 24,
    "detail": 35,
    "form": 29,
    "history": 35,
    "export": 34,
    "command": 34,
    "import": 26,
    "other pages": 1,
}


def planned_by_an_admin(world: World) -> str:
    """Let an admin upload what changes every value, conflicts included, and return the address of its preview."""
    other = sign_in(world.app.test_client())
    with world.app.app_context():
        schema = current_schema(db.session.connection())
    # A row that points to a customer who is not there would be refused whole.
    fields = [
        one for one in schema.fields if not one.part and not FIELD_TYPES[one.type].secret and one.target != "customer"
    ]
    old = ",".join(f'"{texts_of(one.key)[0]}"' for one in fields)
    sheet = f"ID,{','.join(one.key for one in fields)}\n{world.plain},{old}\n,{old}\n"
    file = (io.BytesIO(sheet.encode()), "all.csv")
    return str(other.post("/imports/upload/", data={"file": file}).location)


@pytest.mark.asvs("R33")
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("path", PATHS)
def test_no_byte_of_an_unseen_field_gets_out(world: World, path: str) -> None:
    world.preview = planned_by_an_admin(world) if path == "import" else ""
    everything = b"".join(PATHS[path](world))
    found = [key for key in KEYS if any(canary in everything for canary in canaries_of(key))]
    assert len(found) >= FOUND[path], f"only {found} are found where all may be seen"
    for key in KEYS:
        world.grant({key: NONE})
        answers = b"".join(PATHS[path](world))
        leaked = [canary for canary in canaries_of(key) if canary in answers]
        assert leaked == [], f"{key} leaks by {path}"


@pytest.mark.asvs("R33")
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_an_unseen_field_answers_no_filter_no_sort_and_no_search(world: World) -> None:
    newest_first = [str(world.plain), str(world.canary)]
    with world.app.app_context():
        schema = current_schema(db.session.connection())
    for one in (one for one in schema.fields if not one.part):
        world.grant({one.key: NONE})
        for operation in ENTRIES[one.type].operations:
            value = {"yes": "Yes", "option": "qz_c"}.get(operation.takes, texts_of(one.key)[0])
            answers = [world.ids(f"flt_{key}_{operation.key}={value}") for key in (one.key, "nothing")]
            assert answers[0] == answers[1], f"{one.key} {operation.key}"
        assert world.ids(f"sort={one.key}") == newest_first, one.key
        assert world.ids(f"sort={one.key}&desc=1") == newest_first[::-1], one.key
        assert world.ids(f"search={texts_of(one.key)[0].split()[0]}".replace("+", "%2B")) == [], one.key


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_the_same_filters_sorts_and_searches_answer_whoever_sees_the_field(world: World) -> None:
    assert world.ids("flt_city_is=Qzcity") == [str(world.canary)]
    assert world.ids("sort=city&desc=1") == [str(world.canary), str(world.plain)]
    assert world.ids("search=918273645") == [str(world.canary)]


@pytest.mark.asvs("R33")
@pytest.mark.parametrize("key", ["x_string", "passport", "partner"])
@pytest.mark.parametrize("right", [SEE, NONE])
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_what_is_posted_for_a_field_that_is_not_edited_counts_for_nothing(world: World, key: str, right: str) -> None:
    world.grant({key: right})
    before = stored(world, world.canary)
    form = form_with(world.get(f"/customers/edit/?id={world.canary}"), "full_name")
    answer = world.client.post(f"/customers/edit/?id={world.canary}", data=form | {key: "Main", "street": "New 1"})
    assert answer.status_code == 302
    after = stored(world, world.canary)
    assert after == before | {"street": "New 1"}
    added = world.client.post("/customers/new/", data={"full_name": "Another", key: "Qzpartner"})
    assert added.status_code == 302
    new = stored(world, int(added.location.rpartition("=")[2]))
    assert (new["partner_id"], new["passport"], new["extra"].get("x_string")) == (1, None, None)


def stored(world: World, record_id: int) -> dict[str, Any]:
    with world.app.app_context():
        row = db.session.execute(select(Customer.__table__).where(Customer.id == record_id)).mappings().one()
        return {key: value for key, value in row.items() if key not in {"revision", "stamp"}}


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_new_customer_gets_the_defaults_of_fields_that_its_author_does_not_see(world: World) -> None:
    with world.app.app_context(), writing():
        one = db.session.scalars(select(AdditionalField).where(AdditionalField.key == "x_string")).one()
        one.required, one.default = True, "by default"
    world.grant({key: NONE for key in KEYS if key != "full_name"})
    added = world.client.post("/customers/new/", data={"full_name": "Another", "x_string": "typed"})
    new = stored(world, int(added.location.rpartition("=")[2]))
    assert new["extra"] == {"x_string": "by default"}
    assert (new["status_id"], new["partner_id"], new["billing_type"]) == (1, 1, "recurring")
    assert new["login"]


@pytest.mark.parametrize("right", [SEE, NONE])
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_whoever_cannot_name_a_customer_adds_none(world: World, right: str) -> None:
    world.grant({"full_name": right})
    assert world.client.get("/customers/new/").status_code == 403
    assert world.client.post("/customers/new/", data={"full_name": "Another"}).status_code == 403
    answer = imported(world, "City\nZlin\n")
    assert [one["message"] for one in answer["problems"]] == ["Full name is required. Fill it in."]


def imported(world: World, sheet: str, *arguments: str) -> dict[str, Any]:
    path = world.app.config["ROLLBOOK_INSTANCE"] / "sheet.csv"
    path.write_text(sheet, "utf-8")
    answer = world.runner.invoke(args=["import", str(path), "--json", "--as", EVA, *arguments])
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


@pytest.mark.asvs("R33")
@pytest.mark.parametrize("guess", ["QZPASS123", "another"])
def test_an_unseen_column_is_left_out_and_answers_alike_whatever_it_holds(world: World, guess: str) -> None:
    world.grant({"passport": NONE})
    answer = imported(world, f"ID,Passport,City\n{world.canary},{guess},Zlin\n", "--accept-unknown")
    assert answer["applied"]
    assert [one["field"] for one in answer["changes"]] == ["city"]
    assert [(one["at"], one["field"], one["panel"], one["workbook"]) for one in answer["ignored"]] == [
        ("CSV!B1", "passport", None, None)
    ]
    assert stored(world, world.canary)["passport"] == "QZPASS123"


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_column_that_is_only_seen_is_ignored_cell_by_cell(world: World) -> None:
    world.grant({"passport": SEE})
    answer = imported(world, f"ID,Passport,City\n{world.canary},X,Zlin\n", "--accept-unknown")
    assert [(one["at"], one["panel"], one["workbook"]) for one in answer["ignored"]] == [("CSV!B2", "QZPASS123", "X")]
    assert stored(world, world.canary)["passport"] == "QZPASS123"


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("option", [["--key", "passport"], ["--map", "City=passport"]])
def test_an_unseen_field_is_no_key_and_no_target(world: World, option: Sequence[str]) -> None:
    world.grant({"passport": NONE})
    answer = imported(world, "Passport,City\nQZPASS123,Zlin\n", *option, "--dry-run")
    assert "changes" not in answer or answer["changes"] == []
    assert stored(world, world.canary)["city"] == "Qzcity"


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("arguments", [["--fields", "passport"], ["--where", "passport=QZPASS123"]])
def test_an_export_knows_no_unseen_field(world: World, arguments: Sequence[str]) -> None:
    world.grant({"passport": NONE})
    out = world.app.config["ROLLBOOK_INSTANCE"] / "out.csv"
    answer = world.runner.invoke(args=["export", str(out), "--as", EVA, *arguments])
    assert answer.exit_code == 1
    assert "There is no field 'passport'" in answer.stderr


@pytest.mark.parametrize(("right", "status"), [(SEE, 200), (NONE, 403)])
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_password_that_is_not_seen_is_not_revealed(world: World, right: str, status: int) -> None:
    world.grant({"password": right})
    assert world.client.post("/customers/reveal/", data={"id": world.canary}).status_code == status
    with world.app.app_context():
        assert len(list(db.session.scalars(select(Event).where(Event.name == "reveal")))) == (status == 200)


@pytest.mark.asvs("R34")
@pytest.mark.parametrize("whose", ["the uploader's", "the approver's"])
def test_a_right_taken_away_counts_at_once(world: World, whose: str) -> None:
    sheet = (io.BytesIO(f"ID,Street,City\n{world.canary},New 1,Zlin\n".encode()), "two.csv")
    by_eva, by_admin = world.client, sign_in(world.app.test_client())
    uploader, approver = (by_eva, by_admin) if whose == "the uploader's" else (by_admin, by_eva)
    address = uploader.post("/imports/upload/", data={"file": sheet}).location
    uploader.post(f"{address}options/", data={"_only": "options", "accept_unknown": "1"})
    world.grant({"city": NONE})
    page = approver.post(f"{address}apply/", follow_redirects=True).text
    assert "Something changed since this plan was made" in page
    approver.post(f"{address}apply/")
    after = stored(world, world.canary)
    assert (after["street"], after["city"]) == ("New 1", "Qzcity")


@pytest.mark.asvs("R34")
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_nobody_applies_for_an_uploader_who_may_no_longer_import(world: World) -> None:
    sheet = (io.BytesIO(f"ID,City\n{world.canary},Zlin\n".encode()), "two.csv")
    address = world.client.post("/imports/upload/", data={"file": sheet}).location
    with world.app.app_context(), writing():
        db.session.scalars(select(User).where(User.email == EVA)).one().active = False
    page = sign_in(world.app.test_client()).post(f"{address}apply/", follow_redirects=True).text
    assert "Eva may not import any more." in page
    assert stored(world, world.canary)["city"] == "Qzcity"


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_undoing_leaves_what_the_undoer_may_not_edit(world: World) -> None:
    imported(world, f"ID,Street,City\n{world.canary},New 1,Zlin\n", "--accept-unknown")
    world.grant({"city": NONE})
    preview = world.client.post("/undo/start/", data={"import": 1}).location
    page = world.client.get(preview).text
    assert "1 value that you may not see stays" in page
    assert "Zlin" not in page
    world.client.post(f"{preview}apply/")
    after = stored(world, world.canary)
    assert (after["street"], after["city"]) == ("Qzstreet 5", "Zlin")


@pytest.mark.asvs("R42")
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_an_export_without_some_fields_comes_back_as_no_change(world: World) -> None:
    world.grant({"passport": NONE, "emails": NONE, "city": SEE})
    out = world.app.config["ROLLBOOK_INSTANCE"] / "out.xlsx"
    assert world.runner.invoke(args=["export", str(out), "--as", EVA]).exit_code == 0
    content = unpacked(out.read_bytes())
    assert not any(canary in content for key in ("passport", "emails", "password") for canary in canaries_of(key))
    answer = world.runner.invoke(args=["import", str(out), "--json", "--as", EVA])
    plan = json.loads(answer.stdout)
    assert (plan["updated"], plan["ignored"], plan["problems"], plan["unchanged"]) == (0, [], [], 2)


@pytest.mark.asvs("R41")
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_an_export_and_an_import_are_one_event_each_with_who_what_and_how_much(world: World) -> None:
    out = world.app.config["ROLLBOOK_INSTANCE"] / "out.csv"
    arguments = ["--fields", "city", "--where", "passport=QZPASS123", "--as", EVA]
    assert world.runner.invoke(args=["export", str(out), *arguments]).exit_code == 0
    imported(world, f"ID,City\n{world.canary},Zlin\n", "--accept-unknown")
    with world.app.app_context():
        query = select(Event).where(Event.name.in_(("export", "import"))).order_by(Event.id)
        went_out, came_back = db.session.scalars(query)
    assert (went_out.by, went_out.detail["rows"], went_out.detail["fields"]) == ("Eva", 1, ["city"])
    assert went_out.detail["filters"] == ["passport=QZPASS123"]
    assert len(went_out.detail["file"]) == 64
    assert (came_back.by, came_back.detail["updated"], came_back.detail["file"]) == ("Eva", 1, "sheet.csv")


@pytest.mark.parametrize(
    ("granted", "right"),
    [
        ([{}], EDIT),
        ([{"city": "see"}], SEE),
        ([{"city": "none"}], NONE),
        ([{"city": "none"}, {"city": "see"}], SEE),
        ([{"city": "none"}, {}], EDIT),
        ([], EDIT),
    ],
)
def test_of_several_roles_the_widest_right_counts(granted: list[dict[str, str]], right: str) -> None:
    assert widest(granted).of("city") == right


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (EVERY_FIELD, EVERY_FIELD, EDIT),
        (FieldRights(seen=frozenset({"city"})), EVERY_FIELD, SEE),
        (FieldRights(seen=frozenset({"city"})), FieldRights(unseen=frozenset({"city"})), NONE),
    ],
)
def test_of_two_people_the_narrower_right_counts(one: FieldRights, other: FieldRights, both: str) -> None:
    assert one.both(other).of("city") == other.both(one).of("city") == both


def test_every_field_has_its_canary() -> None:
    assert [one.key for one in BUILT_IN if not one.part] == list(BUILT_IN_TEXTS)
