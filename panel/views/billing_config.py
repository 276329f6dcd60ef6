"""Config → Finance → Billing: when customers without rules of their own are charged, blocked and deactivated."""

from __future__ import annotations

from typing import Any

from flask import jsonify, redirect, request
from flask_admin import expose
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from panel.billing.run import look_at_all
from panel.extensions import db
from panel.forms.billing import BillingForm, example_of
from panel.models import BillingConfig
from panel.statuses import statuses_in_use
from panel.views.guarded import AppView, nothing_saved
from panel.views.messages import say, warn
from panel.words import today


class BillingConfigView(AppView):
    """The one row of the rules of billing."""

    permission = "config"

    @expose("/", methods=("GET", "POST"))
    def index(self) -> Any:
        """Show the rules, or save them and have every account looked at anew."""
        config = _config(for_update=request.method == "POST")
        form = BillingForm(request.form or None, config, statuses_in_use())
        if request.method == "POST" and form.validate():
            form.populate_obj(config)
            config.holidays = form.holidays
            db.session.flush()
            look_at_all(db.session.connection())
            words = _example(form)
            db.session.commit()
            say(_("The rules of billing were saved. %(example)s", example=words))
            return redirect(self.get_url(".index"))
        if form.errors:
            warn(nothing_saved(form))
        example = "" if form.errors else _example_as_kept(config)
        return self.render("config/billing.html", form=form, example=example)

    @expose("/example/", methods=("POST",))
    def example_view(self) -> Response:
        """Answer with what rules that are being typed come to, or with nothing where they are none."""
        form = BillingForm(request.form, _config(), statuses_in_use())
        return jsonify(words=_example(form) if form.validate() else "")


def _config(*, for_update: bool = False) -> BillingConfig:
    return db.session.get_one(BillingConfig, 1, with_for_update=for_update or None)


def _example(form: BillingForm) -> str:
    return example_of(form, {one.id: one.label for one in statuses_in_use()}, today())


def _example_as_kept(config: BillingConfig) -> str:
    """Return the example of the rules as they are saved."""
    form = BillingForm(None, config, statuses_in_use())
    return _example(form) if form.validate() else ""
