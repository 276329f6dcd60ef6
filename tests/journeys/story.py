"""What a story is told with: a place with customers of its own, somebody who works with workbooks, and an upload."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from flask import Flask
from sqlalchemy import select

from panel.database import reading, writing
from panel.extensions import db
from panel.models import Customer, Location
from panel.signature import signature
from tests.builders import customer, edit

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a preview, in the texts that a person reads; what is blank or not shown is empty."""

    at: str
    customer: int | None
    panel: str = ""
    workbook: str = ""
    base: str = ""
    message: str = ""

    @property
    def sides(self) -> tuple[str, str, str]:
        """Return base, panel and workbook."""
        return self.base, self.panel, self.workbook


class Upload(Protocol):
    """A file that was brought and planned; nothing of it is written before it is applied."""

    def counts(self) -> dict[str, int]:
        """Return how many lines there are of each kind of which there are some."""

    def lines(self, group: str) -> list[Line]:
        """Return the lines of one kind."""

    def said(self) -> str:
        """Return what is said of the file as a whole."""

    def guards(self) -> list[int]:
        """Return the numbers that have to be typed."""

    def answer(self, group: str, side: str) -> None:
        """Have the panel or the workbook for all conflicts, unknown cells or repairs."""

    def order(self, field: str, label: str, order: str) -> None:
        """Say how the dates of a column are read."""

    def tick(self, option: str) -> None:
        """Switch on `create_fields` or `skip_problems`."""

    def confirm(self, number: int) -> None:
        """Type a number that is asked for."""

    def apply(self) -> bool:
        """Apply; tell whether it was done."""

    def undo(self) -> list[int]:
        """Undo what was applied; return whose values were kept."""

    def review(self) -> Path:
        """Return the workbook with what is to be looked at marked in it."""


class Driver(Protocol):
    """How somebody works with the panel; `by` is an email, the first admin's if it is empty."""

    name: str
    app: Flask
    folder: Path

    def export(self, place: str, by: str = "") -> Path:
        """Take the customers of a place out."""

    def upload(self, path: Path, by: str = "") -> Upload:
        """Bring a file."""

    def refused(self, path: Path) -> str:
        """Bring a file that is not taken; return the sentence."""

    def colleague_edits(self, record_id: int, label: str, key: str, value: str) -> None:
        """Have somebody change a customer in the panel."""

    def apply_at_once(self, uploads: Sequence[Upload]) -> list[bool]:
        """Apply several uploads at the same time; tell of each whether it was done."""


class Place:
    """A location and the customers of one story, apart from those of all others."""

    def __init__(self, app: Flask, name: str) -> None:
        self.app, self.name = app, name
        with app.app_context(), writing():
            location = Location(name=name)
            db.session.add(location)
            db.session.flush()
            self._location = location.id

    def customer(self, full_name: str = "Ann Novak", **values: Any) -> int:
        """Add a customer and return the ID."""
        with self.app.app_context():
            return customer(full_name, location_id=self._location, **values)

    def customers(self, count: int, **values: Any) -> list[int]:
        """Add customers who differ in name, city and street, and return their IDs."""
        return [
            self.customer(f"Customer {n}", **{"city": f"City {n}", "street": f"Street {n}"} | values)
            for n in range(count)
        ]

    def write(self, record_id: int, **values: Any) -> None:
        """Write a customer without any page, as a colleague or a program does."""
        with self.app.app_context():
            edit(record_id, **values)

    def now(self, key: str) -> list[Any]:
        """Return a value of all customers here who are not in the bin, by ID."""
        with self.app.app_context():
            here = select(Customer).where(Customer.location_id == self._location, Customer.deleted_at.is_(None))
            rows = db.session.scalars(here.order_by(Customer.id)).all()
            return [getattr(one, key) if hasattr(one, key) else one.extra.get(key) for one in rows]

    def signature(self) -> str:
        """Return the digest of everybody's values."""
        with self.app.app_context(), reading() as connection:
            return signature(connection)
