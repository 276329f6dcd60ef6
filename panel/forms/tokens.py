"""The form of an API token."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import lazy_gettext as _
from wtforms import BooleanField, Form, SelectField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import Regexp

from panel.audit import plain
from panel.forms.config import short


class TokenForm(Form):
    """What a program is called, and what it may ask."""

    name = StringField(
        _("Name"),
        [Regexp(r".+", message=_("Name is required. Fill it in.")), short()],
        filters=[lambda text: plain(text or "")],
        description=_("The program that signs in with it, and where it runs."),
    )
    partner = SelectField(
        _("Partner"),
        coerce=int,
        description=_("A token that is bound to a partner finds that partner's customers only."),
    )
    passwords = BooleanField(
        _("May ask for passwords"),
        description=_("A RADIUS server needs them. Each one that is handed out is recorded."),
    )

    def offer(self, partners: Sequence[tuple[int, str]], *, passwords: bool) -> None:
        """Set what may be chosen; 0 is no partner."""
        self.partner.choices = [SelectChoice(number, label) for number, label in partners]
        if not passwords:
            del self.passwords
