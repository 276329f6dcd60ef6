"""Records read by their IDs."""

from __future__ import annotations

import pytest
from flask import Flask

from panel.database import reading
from panel.records import records_by_id
from panel.schema import current_schema
from tests.builders import customer


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("left_out", [(), (5,), (0, 11), (1, 2, 3, 4, 5, 6)])
def test_records_are_those_that_were_asked_for_and_none_between_them(app: Flask, left_out: tuple[int, ...]) -> None:
    with app.app_context():
        made = [customer(full_name=f"Ann {number}") for number in range(12)]
        asked = [record_id for at, record_id in enumerate(made) if at not in left_out]
        with reading() as connection:
            found = records_by_id(connection, [current_schema(connection).field("full_name")], [*asked, made[-1] + 1])
    names = {record_id: record.values["full_name"] for record_id, record in found.items()}
    assert names == {record_id: f"Ann {record_id - made[0]}" for record_id in asked}
