"""An instance as after some weeks of work, and the addresses of all its pages."""

from __future__ import annotations

import tempfile
from pathlib import Path

from flask import Flask

from panel.demo import add_demo
from panel.exporting import export_workbook
from panel.extensions import db
from panel.imports.journey import receive
from panel.imports.options import ImportOptions, Viewer
from panel.models import Customer
from sync.types import FIELD_TYPES
from tests.builders import additional_field, edit
from tests.panel.pages import add_user, sign_in
from tests.sheets import change, read_keys

OPTIONS = [["fibre", "Fibre"], ["radio", "Radio"]]


def furnish(app: Flask) -> None:
    """Fill an instance: customers, a field of each type, users, workbooks that went out and came back."""
    with app.app_context():
        add_demo(120, lambda _done: None)
        for place, key in enumerate(sorted(key for key, one in FIELD_TYPES.items() if one.additional)):
            options = OPTIONS if key in {"select", "multi_select"} else []
            label = FIELD_TYPES[key].label
            additional_field(f"a_{key}", key, label=f"{label} of the line", options=options, position=200 + place)
        add_user("eva@example.com", "manager")
        edit(1, city="Kolin", street="Nova 1", emails=["anna@example.com", "office@example.com"])
        edit(1, city="Brno", status_id=2)
        _workbooks()


def _workbooks() -> None:
    viewer = Viewer("Eva", "panel")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "Customers.xlsx"
        export_workbook(out, fields=None, where=[], viewer=viewer)
        edit(2, city="Olomouc")
        letters = read_keys(out)
        cells = {f"{letters['city']}{row}": name for row, name in ((3, "Zlin"), (4, "Jihlava"), (5, "Tabor"))}
        cells |= {f"{letters['full_name']}6": None, f"{letters['street']}7": None, f"{letters['zip_code']}8": "01234"}
        back = change(out, Path(folder) / "March corrections.xlsx", cells)
        with back.open("rb") as file:
            receive(file, back.name, ImportOptions(), viewer)
        foreign = Path(folder) / "leads.csv"
        foreign.write_text("Name,Town,Speed\nJan Dvorak,Brno,100\nEva Mala,Praha,200\n", "utf-8")
        with foreign.open("rb") as file:
            receive(file, foreign.name, ImportOptions(mapping={"Name": "full_name"}), viewer)


def every_page(app: Flask) -> list[str]:
    """Return the address of each page that an admin can open; what answers with a file or data is no page."""
    client = sign_in(app.test_client())
    addresses = []
    with app.app_context():
        record_id = db.session.query(Customer.id).order_by(Customer.id).first()[0]
    with app.test_request_context():
        rules = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())]
    for rule in rules:
        if "filename" in rule.arguments:
            continue
        address = rule.rule
        for name in rule.arguments:
            address = address.replace(f"<int:{name}>", "1").replace(f"<{name}>", "1")
        with client.get(f"{address}?id={record_id}") as answer:
            if answer.status_code == 200 and answer.mimetype == "text/html":
                addresses.append(f"{address}?id={record_id}" if "id=" in answer.request.url else address)
    return sorted(addresses)


def name_of(address: str) -> str:
    """Return a page's name, for a file or a message."""
    return address.partition("?")[0].strip("/").replace("/", "-") or "home"
