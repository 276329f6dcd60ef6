"""The forms of users and roles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask_babel import lazy_gettext as _
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, Form, SelectField, SelectMultipleField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import Length, Regexp

from panel.audit import plain
from panel.permissions import GROUPS
from panel.rights import EDIT, NONE, SEE

LONGEST = 255
RIGHTS = ((EDIT, _("Edit")), (SEE, _("See")), (NONE, _("Not shown")))


def _one_line(text: str | None) -> str:
    return plain(text or "")


def _email(text: str | None) -> str:
    return plain(text or "").lower()


def _length() -> Length:
    return Length(max=LONGEST, message=_("Write at most %(most)s characters.", most=LONGEST))


class UserForm(Form):
    """Somebody who signs in."""

    email = StringField(
        _("Email"), [Regexp(r"[^@\s]+@[^@\s]+\Z", message=_("Write an email address.")), _length()], filters=[_email]
    )
    name = StringField(_("Name"), [_length()], filters=[_one_line])
    partner = SelectField(
        _("Partner"),
        description=_("A user who is bound to a partner sees that partner's customers only."),
        coerce=int,
    )
    active = BooleanField(_("Active"), default=True, description=_("Who is not active cannot sign in."))
    roles = SelectMultipleField(_("Roles"), coerce=int)

    def offer(self, partners: Sequence[tuple[int, str]], roles: Sequence[tuple[int, str]]) -> None:
        """Set what may be chosen; 0 is no partner."""
        self.partner.choices = [SelectChoice(number, label) for number, label in partners]
        self.roles.choices = [SelectChoice(number, label) for number, label in roles]


class RoleForm(Form):
    """A set of permissions under a name; the rights to fields are read beside it."""

    name = StringField(
        _("Name"), [Regexp(r".+", message=_("Name is required. Fill it in.")), _length()], filters=[_one_line]
    )
    description = StringField(_("Description"), [_length()], filters=[_one_line])
    needs_two_factor = BooleanField(
        _("Ask for a second factor"), description=_("Its users sign in with a code of an app beside the password.")
    )
    permissions = SelectMultipleField(
        _("Permissions"), choices=[SelectChoice(one.name, one.label) for _group, some in GROUPS for one in some]
    )


def rights_sent(form: MultiDict[str, str], keys: Sequence[str]) -> dict[str, str]:
    """Return the rights to fields that a form says, where they are less than edit."""
    sent = {key: form.get(f"right.{key}", EDIT) for key in keys}
    return {key: right for key, right in sent.items() if right in {SEE, NONE}}


def kept_rights(before: Mapping[str, str], keys: Sequence[str]) -> dict[str, str]:
    """Return a role's rights to fields that its form did not show, such as retired ones."""
    return {key: right for key, right in before.items() if key not in keys}
