"""Files of customers, sent to whoever may see the customer and the field."""

from __future__ import annotations

from flask import Blueprint, abort, send_file
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response

from panel.access import needs
from panel.extensions import db
from panel.files.storing import folder
from panel.models import Customer, StoredFile
from panel.rights import NONE, rights_of
from panel.views.customer_query import visible

pages = Blueprint("files", __name__, url_prefix="/files")
_LARGEST_ID = 2**63 - 1


@pages.get("/<int:number>/")
@needs("customer.view")
def download(number: int) -> Response:
    """Send a file that a field of a visible customer holds or held, to be saved and never to be shown."""
    file = _visible_file(number) or abort(404)
    path = folder() / file.stored_as
    if not path.is_file():
        abort(404)
    answer = send_file(path, "application/octet-stream", as_attachment=True, download_name=file.name, etag=False)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


def _visible_file(number: int) -> StoredFile | None:
    if number > _LARGEST_ID:
        return None
    customers = select(Customer.id).where(*visible())
    query = select(StoredFile).where(StoredFile.id == number, StoredFile.customer_id.in_(customers))
    file = db.session.scalars(query).one_or_none()
    return None if file is None or rights_of(current_user).of(file.field) == NONE else file
