"""Bringing a workbook up to date: from an import whose file is kept, or from the file itself."""

from __future__ import annotations

from dataclasses import asdict
from typing import BinaryIO, cast

from flask import abort, redirect, request
from flask_admin import expose
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from panel.access import may
from panel.imports.files import store, uploads
from panel.imports.options import ImportOptions
from panel.models import Import
from panel.refresh_work import Asked, start_refresh, told
from panel.refreshing import NeverImported
from panel.views.guarded import AppView
from panel.views.imports_seen import find_import
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
        try:
            stored = store(cast("BinaryIO", file.stream), file.filename)
        except SyncError as error:
            warn(f"{file.filename}: {error}")
            return redirect(self.get_url(".index"))
        return self._refreshed(Asked(stored.path.name, file.filename, ImportOptions(), keeps=_keeps()))

    @expose("/import/<int:number>/", methods=("POST",))
    def of_import(self, number: int) -> Response | str:
        """Take the file of an import, where it is kept."""
        if not may("import.upload"):
            abort(403)
        one = _import(number)
        if not (one.stored_as and (uploads() / one.stored_as).is_file()):
            warn(_("The file of this import is not kept. Choose it here, and it is brought up to date."))
            return redirect(self.get_url(".index"))
        options = ImportOptions.from_json(one.options or {})
        return self._refreshed(Asked(one.stored_as, one.file_name, options, _keeps(), number))

    def _refreshed(self, asked: Asked) -> Response | str:
        try:
            done = start_refresh(asked)
        except NeverImported as error:
            return str(self.render("refresh/page.html", stopped=str(error), imported=asked.imported))
        except SyncError as error:
            warn(str(error))
            number = asked.imported
            return redirect(self.get_url("imports.preview", number=number) if number else self.get_url(".index"))
        if isinstance(done, int):
            return redirect(self.get_url("exports.show", number=done))
        say(" ".join(told(asdict(done))))
        return redirect(self.get_url("exports.show", number=done.export))


def _keeps() -> bool:
    return request.form.get("keep") == "y"


def _import(number: int) -> Import:
    return find_import(number) or abort(404)
