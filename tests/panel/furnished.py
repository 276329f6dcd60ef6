"""An instance as after some weeks of work, and the addresses of all its pages."""

from __future__ import annotations

import datetime as dt
import tempfile
from decimal import Decimal
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.routing import Rule

from panel.demo import add_demo
from panel.exporting import export_workbook
from panel.extensions import db
from panel.imports.at_once import import_at_once
from panel.imports.joining import join_imports
from panel.imports.journey import receive
from panel.imports.options import ImportOptions, Viewer
from panel.imports.undo_preview import UNDO
from panel.jobs import run_pending
from panel.models import Import, Job, PlannedStatus
from sync.types import FIELD_TYPES
from tests.builders import additional_field, edit
from tests.panel.billing.made import charge, payment, plan, service
from tests.panel.pages import add_user, sign_in
from tests.sheets import change, read_keys

OPTIONS = [["fibre", "Fibre"], ["radio", "Radio"]]
DELETED = 120
TRIED = (1, 2, DELETED)
"""Numbers of things that there may be, in this order."""


def furnish(app: Flask) -> None:
    """Fill an instance: customers, a field of each type, users, workbooks that went out and came back, work.

    The application must not ask for CSRF tokens meanwhile.
    """
    with app.app_context():
        add_demo(120, lambda _done: None)
        for place, key in enumerate(sorted(key for key, one in FIELD_TYPES.items() if one.additional)):
            options = OPTIONS if key in {"select", "multi_select"} else []
            label = FIELD_TYPES[key].label
            target = "customer" if "relation" in key else None
            additional_field(
                f"a_{key}", key, label=f"{label} of the line", options=options, target=target, position=200 + place
            )
        add_user("eva@example.com", "manager")
        edit(1, city="Kolin", street="Nova 1", emails=["anna@example.com", "office@example.com"])
        edit(1, city="Brno", status_id=2)
        db.session.add(PlannedStatus(customer_id=1, status_id=4, day=dt.date(2100, 1, 31), by="Eva"))
        db.session.commit()
        _billing()
        _workbooks()
    _work(app)


def _billing() -> None:
    """Give customers 1 to 3 services of two plans: one owes, one has paid ahead, one has both."""
    fast, ahead = plan("Fast 100", "24.90"), plan("Slow 20", "9.00", "prepaid")
    line = service(1, fast, starts=dt.date(2026, 1, 10), note="Second floor, left; the router is in the cellar")
    service(1, fast, starts=dt.date(2025, 1, 1), ends=dt.date(2025, 12, 31), price=Decimal("19.90"))
    service(2, fast, starts=dt.date(2026, 2, 1))
    service(5, ahead, starts=dt.date(2026, 2, 1))
    for month in range(2, 12):
        charge(1, line, dt.date(2026, month, 1), "24.90")
        if month < 10:
            payment(1, "24.90", dt.date(2026, month, 12), "By the neighbour" if month == 4 else None)
    payment(2, "100.00", dt.date(2026, 2, 3))
    edit(1, billing_day=5, blocking_period=-1)


def _work(app: Flask) -> None:
    client = sign_in(app.test_client())
    for city in ("Praha", "Ostrava"):
        bulk = client.post("/bulk/choose/", data={"id": ["1", "2", "3"]}).location
        client.post(f"{bulk}fields/", data={"how.city": "set", "city": city, "how.street": "clear"})
        if city == "Praha":  # the other one waits for its preview to be looked at
            client.post(f"{bulk}apply/")
    client.post("/views/save/", data={"query": "flt_city_equals=Brno&sort=full_name", "name": "In Brno", "shared": "y"})
    kept = {"name": "March", "note": "For the auditors", "status": "New", "format": "xlsx"}
    client.post("/exports/new/", data=kept).close()
    for name in ("RADIUS", "Old RADIUS"):
        client.post("/tokens/new/", data={"name": name, "partner": "0", "passwords": "y"})
    client.post("/tokens/revoke/", data={"id": "2"})
    client.post("/customers/delete/", data={"id": str(DELETED)})
    with app.app_context():
        applied = db.session.scalars(select(Import.id).where(Import.state == "applied")).one()
        db.session.rollback()
        run_pending()
        edit(DELETED - 1, login=f"{DELETED:06d}")
    client.post("/undo/start/", data={"import": applied})


def _workbooks() -> None:
    viewer = Viewer("Eva", "panel")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "Customers.xlsx"
        export_workbook(out, fields=None, where=[], viewer=viewer)
        for number in (1, 2):
            edit(number, city="Telc")
        letters = read_keys(out)
        cells = {f"{letters['city']}{row}": name for row, name in ((3, "Zlin"), (4, "Jihlava"), (5, "Tabor"))}
        cells |= {f"{letters['full_name']}6": None, f"{letters['street']}7": None, f"{letters['zip_code']}8": "01234"}
        back = change(out, Path(folder) / "March corrections.xlsx", cells)
        with back.open("rb") as file:
            receive(file, back.name, ImportOptions(), viewer)
        foreign = Path(folder) / "leads.csv"
        lines = (
            "Name,Town,Speed,Date of birth,Status,Street,Street",
            "Jan Dvorak,Brno,100,03/04/1984,Aktivní,Nova 1,Nova 1/2",
            "Eva Mala,Praha,200,,,Dlouha 3,",
        )
        foreign.write_text("\n".join(lines), "utf-8")
        with foreign.open("rb") as file:
            receive(file, foreign.name, ImportOptions(mapping={"Name": "full_name"}), viewer)
        applied = Path(folder) / "Streets.csv"
        applied.write_text("ID,Street,Wiring\n10,Nova 10,DSL\n11,Nova 11,Fibre\n12,Nova 12,Fibre\n", "utf-8")
        options = ImportOptions(mapping={"Wiring": "+"}, accept_unknown=True)
        import_at_once(applied, options, viewer, dry_run=False)
        edit(11, street="Hlavni 3")
        together = [("North.xlsx", ("Telc", "Cheb")), ("South.xlsx", ("Slany", "Cheb"))]
        numbers = []
        for name, cities in together:
            cells = {f"{letters['city']}{row}": city for row, city in enumerate(cities, 20)}
            with change(out, Path(folder) / name, cells).open("rb") as file:
                numbers.append(receive(file, name, ImportOptions(), viewer))
        join_imports(numbers, viewer)


def every_page(app: Flask) -> list[str]:
    """Return the address of each page that an admin can open; what answers with a file or data is no page."""
    client = sign_in(app.test_client())
    with app.test_request_context():
        rules = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())]
    found = (_page_of(client, rule) for rule in rules if "filename" not in rule.arguments)
    shown = ("1/?group=change", "1/?group=clear", "1/?group=conflict", "1/?group=kept", "2/?group=columns")
    asked = [
        "/exports/2/",
        *(f"/{kind}/new/?customer=1" for kind in ("services", "payments")),
        *(f"/imports/{group}" for group in shown),
        *_undoings(app),
    ]
    return sorted([*(address for address in found if address), *asked])


def _undoings(app: Flask) -> list[str]:
    """Return the pages of the undoing that waits for a look."""
    with app.app_context():
        numbers = db.session.scalars(select(Job.id).where(Job.kind == UNDO)).all()
    return [f"/undo/{number}/{group}" for number in numbers for group in ("", "?group=kept")]


def _page_of(client: FlaskClient, rule: Rule) -> str:
    """Return the address of a page by a rule, blank where there is none."""
    for number in TRIED:
        address = rule.rule
        for name in rule.arguments:
            address = address.replace(f"<int:{name}>", str(number)).replace(f"<{name}>", str(number))
        for one in (address, f"{address}?id={number}"):
            with client.get(one) as answer:
                if answer.status_code == 200 and answer.mimetype == "text/html":
                    return one
    return ""


def name_of(address: str) -> str:
    """Return a page's name, for a file or a message."""
    path, _mark, query = address.partition("?")
    group = f"-{query.removeprefix('group=')}" if query.startswith("group=") else ""
    return (path.strip("/").replace("/", "-") or "home") + group
