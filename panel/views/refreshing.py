"""Bringing a workbook up to date: from an import whose file is kept, or from the file itself."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, cast

from flask import abort, redirect, request
from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from werkzeug.wrappers import Response

from panel.access import may
from panel.exports.keeping import new_file
from panel.extensions import db
from panel.imports.files import store, uploads
from panel.imports.journey import viewer_of
from panel.imports.options import ImportOptions
from panel.models import Import
from panel.refreshing import NeverImported, Refreshed, refresh_file
from panel.views.guarded import AppView
from panel.views.messages import say, warn
from sync.errors import SyncError


class RefreshView(AppView):
    """Workbooks with the values of today and all that somebody added to them."""

    permission = "customer.export"

    @expose("/")
    def index(self) -> str:
        """Ask for the workbook."""
        return str(self.render("refresh/page.html", stopped="", imported=None))

    @expose("/new/", methods=("POST",))
    def new(self) -> Response | str:
        """Take a workbook, and go to the export that it becomes."""
        file = request.files.get("file")
        if file is None or not file.filename:
            warn(_("Choose a workbook or a CSV file first."))
            return redirect(self.get_url(".index"))
        name = file.filename
        try:
            stored = store(cast("BinaryIO", file.stream), name)
        except SyncError as error:
            warn(f"{name}: {error}")
            return redirect(self.get_url(".index"))
        try:
            return self._refreshed(stored.path, name, ImportOptions())
        finally:
            stored.path.unlink(missing_ok=True)

    @expose("/import/<int:number>/", methods=("POST",))
    def of_import(self, number: int) -> Response | str:
        """Take the file of an import, where it is kept."""
        if not may("import.upload"):
            abort(403)
        one = _import(number)
        path = uploads() / one.stored_as
        if not (one.stored_as and path.is_file()):
            warn(_("The file of this import is not kept. Choose it here, and it is brought up to date."))
            return redirect(self.get_url(".index"))
        return self._refreshed(path, one.file_name, ImportOptions.from_json(one.options or {}), number)

    def _refreshed(self, path: Path, name: str, options: ImportOptions, imported: int | None = None) -> Response | str:
        keeps = request.form.get("keep") == "y"
        out = new_file(".csv" if Path(name).suffix.lower() != ".xlsx" else ".xlsx")
        try:
            done = refresh_file(
                path, out, viewer_of(current_user), name=name, options=options, keep_edits=keeps, is_kept=True
            )
        except NeverImported as error:
            return str(self.render("refresh/page.html", stopped=str(error), imported=imported))
        except SyncError as error:
            warn(str(error))
            back = self.get_url(".index") if imported is None else self.get_url("imports.preview", number=imported)
            return redirect(back)
        _tell(done)
        return redirect(self.get_url("exports.show", number=done.export))


def _import(number: int) -> Import:
    one = db.session.get(Import, number) if number < 2**62 else None
    if one is None or (current_user.partner_id is not None and one.user_id != current_user.id):
        abort(404)
    return one


def _tell(done: Refreshed) -> None:
    cells = ngettext("%(num)d cell was brought up to date.", "%(num)d cells were brought up to date.", done.cells)
    kept = ngettext(
        "%(num)d cell or row waits for an import, as before.",
        "%(num)d cells or rows wait for an import, as before.",
        done.kept,
    )
    left = ngettext(
        "%(num)d row was left as it is, because its customer is gone.",
        "%(num)d rows were left as they are, because their customers are gone.",
        done.left,
    )
    say(" ".join([cells, *([kept] if done.kept else []), *([left] if done.left else [])]))
