"""Customers while somebody types: the few that a search finds, for inputs that point to one."""

from __future__ import annotations

from flask import Blueprint, jsonify, request
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response

from panel.access import needs
from panel.extensions import db
from panel.models import Customer
from panel.relations import customer_labels
from panel.rights import reach_of, the_schema
from panel.views.customer_query import Wanted, matches
from sync.cells import clean_text

pages = Blueprint("lookup", __name__, url_prefix="/lookup")
MOST = 20
LONGEST = 200


@pages.get("/customers/")
@needs("customer.list")
def customers() -> Response:
    """Answer with the first customers that a search finds, within what the signed-in user may see."""
    text = clean_text(request.args.get("q", ""))[:LONGEST]
    if not text.strip():
        return jsonify([])
    connection, table = db.session.connection(), Customer.__table__.c
    query = Wanted(matches(the_schema(), text)).narrow(select(table.id)).order_by(table.id.desc()).limit(MOST)
    ids = list(connection.execute(query).scalars())
    labels = customer_labels(connection, ids, reach_of(current_user))
    return jsonify([{"value": f"#{one}", "text": labels[one]} for one in ids])
