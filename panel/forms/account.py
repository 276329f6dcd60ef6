"""The forms of signing in, and of one's own account."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import Form, HiddenField, PasswordField, StringField, ValidationError
from wtforms.validators import InputRequired, Length

from panel.forms.config import stripped
from panel.models import User
from panel.signing_in.passwords import LONGEST, SHORTEST, weakness

_TYPED = 1024


class SignInForm(Form):
    """Who is there."""

    email = StringField(
        _l("Email"), [InputRequired(_l("Email is required. Fill it in.")), Length(max=255)], filters=[stripped]
    )
    password = PasswordField(
        _l("Password"), [InputRequired(_l("Password is required. Fill it in.")), Length(max=_TYPED)]
    )


class CodeForm(Form):
    """The second factor."""

    code = StringField(_l("Code"), [InputRequired(_l("Code is required. Fill it in.")), Length(max=64)])


class SettingUpForm(CodeForm):
    """The first code of a new secret, which comes back sealed."""

    sealed = HiddenField()


class ConfirmForm(Form):
    """The password or, where a second factor is set up, a code."""

    password = PasswordField(
        _l("Your password, or a code of your app"),
        [InputRequired(_l("Password is required. Fill it in.")), Length(max=_TYPED)],
    )


class ForgottenForm(Form):
    """Whose password is forgotten."""

    email = StringField(
        _l("Email"), [InputRequired(_l("Email is required. Fill it in.")), Length(max=255)], filters=[stripped]
    )


class NewPasswordForm(Form):
    """A new password, typed twice; `user` is whose."""

    new = PasswordField(
        _l("New password"),
        [InputRequired(_l("New password is required. Fill it in."))],
        description=_l(
            "At least %(least)d characters. A few words are easy to remember and hard to guess.", least=SHORTEST
        ),
    )
    again = PasswordField(
        _l("New password again"), [InputRequired(_l("Type the new password twice.")), Length(max=LONGEST)]
    )

    def __init__(self, data: Any, user: User) -> None:
        super().__init__(data)
        self.user = user

    def validate_new(self, field: Any) -> None:
        """Refuse what is guessed first."""
        if problem := weakness(field.data, self.user.email, self.user.name):
            raise ValidationError(problem)

    def validate_again(self, field: Any) -> None:
        """Refuse a slip of the finger."""
        if field.data != self.new.data:
            raise ValidationError(_l("This is not the same. Type the new password twice."))


class ChangePasswordForm(NewPasswordForm):
    """A new password of one's own."""

    current = PasswordField(
        _l("Current password"), [InputRequired(_l("Current password is required. Fill it in.")), Length(max=_TYPED)]
    )

    def validate_new(self, field: Any) -> None:
        """Refuse what is guessed first, and no change at all."""
        if field.data == self.current.data:
            raise ValidationError(_l("This is the password that you have. Choose another."))
        super().validate_new(field)
