"""Sending the reviews that long work wrote."""

from __future__ import annotations

import datetime as dt

from flask import abort, redirect, send_file, url_for
from flask_admin import expose
from flask_login import current_user
from werkzeug.wrappers import Response

from panel.audit import record
from panel.exports.keeping import REVIEW
from panel.extensions import db
from panel.imports.review_work import file_of, refusal
from panel.models import Job
from panel.views.guarded import AppView
from panel.views.messages import warn


class ReviewView(AppView):
    """Review workbooks, each for who had it written."""

    permission = "import.upload"

    @expose("/")
    def index(self) -> Response:
        """Lead to the imports, of which one is to be reviewed."""
        return redirect(url_for("imports.index"))

    @expose("/<int:number>/", methods=("POST",))
    def download(self, number: int) -> Response:
        """Send a review's file, by the rights of this moment."""
        job = db.session.get(Job, number) if number < 2**62 else None
        if job is None or job.kind != REVIEW or job.user_id != current_user.id:
            abort(404)
        path = file_of(job)
        if (sentence := refusal(job, current_user)) or path is None:
            warn(sentence)
            return redirect(url_for("jobs.show", number=number))
        record("review downloaded", current_user, **{"import": job.options["import"]})
        name = job.options["name"]
        db.session.commit()
        # The open file outlives its name, should it be swept away while it is sent.
        return send_file(path.open("rb"), download_name=name, as_attachment=True, last_modified=dt.datetime.now(dt.UTC))
