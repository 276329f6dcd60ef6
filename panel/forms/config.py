"""The forms of what admins configure: statuses, partners, locations, the generator."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString
from wtforms import BooleanField, Form, IntegerField, SelectField, StringField, ValidationError
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Regexp, StopValidation

from panel.characters import Alphabet, problem_of, strength_of
from panel.entities import BILLING_TYPES
from panel.pattern import VARIABLES, check_pattern
from sync.cells import clean_text
from sync.errors import SyncError

OWN_COLOUR = "own"
_NAMES = ", ".join(f"{{{name}}}" for name in VARIABLES)
SERVICES = (
    SelectChoice("active", _("Active: services run")),
    SelectChoice("suspended", _("Suspended: services are blocked for the time being")),
    SelectChoice("stopped", _("Stopped: no services")),
)


def stripped(text: str | None) -> str | None:
    """Return text without outer white space, and without what no database or workbook holds."""
    return clean_text(text).strip() if text else text


def filled(label: str | LazyString) -> InputRequired:
    """Return the rule that an input is filled in."""
    return InputRequired(_("%(field)s is required. Fill it in.", field=label))


def short(most: int = 255) -> Length:
    """Return the rule that a text is not longer than the database takes."""
    return Length(max=most, message=_("Write at most %(most)s characters.", most=most))


class Within(NumberRange):
    """The rule that a number lies between two others; what follows never sees one of hundreds of digits."""

    def __call__(self, form: Any, field: Any) -> None:
        """Refuse any other number."""
        try:
            super().__call__(form, field)
        except (ValidationError, OverflowError):
            raise StopValidation(self.message) from None


class NameForm(Form):
    """A partner or a location."""

    name = StringField(_("Name"), [filled(_("Name")), short()], filters=[stripped])


class StatusForm(Form):
    """A status with its effects."""

    label = StringField(_("Label"), [filled(_("Label")), short()], filters=[stripped])
    description = StringField(_("Description"), [short()], filters=[stripped])
    services = SelectField(_("Services"), choices=SERVICES)
    accounted = BooleanField(_("Accounted"), description=_("Services of these customers are charged."))
    deletable = BooleanField(_("Deletable"), description=_("Customers with this status may be deleted."))
    is_default = BooleanField(_("Default"), description=_("New customers get this status."))
    colour = StringField(
        _("Colour"), [Regexp("^#[0-9a-fA-F]{6}$", message=_("Choose a colour."))], filters=[stripped], default="#3b82d9"
    )
    own_colour = StringField(_("Another colour"), default="#3b82d9")

    def process(self, formdata: Any = None, *args: Any, **options: Any) -> None:
        """Take the colour that was mixed where none of the palette was chosen."""
        super().process(formdata, *args, **options)
        if self.colour.data == OWN_COLOUR:
            self.colour.data = self.own_colour.data
        else:
            self.own_colour.data = self.colour.data


class GeneratorForm(Form):
    """The rules by which logins and passwords are made."""

    login_change_on_add = BooleanField(
        _("Can change login while adding"), description=_("May the login be typed when a customer is added?")
    )
    login_change_on_edit = BooleanField(
        _("Can change login while editing"), description=_("May the login be changed later?")
    )
    login_characters = StringField(
        _("Characters for logins"),
        [filled(_("Characters")), short()],
        description=_("Used by {rand_string}. Logins that differ by capital letters only count as one."),
    )
    show_generate = BooleanField(
        _("Show the Generate button"), description=_("Beside the login in the customer's forms.")
    )
    login_pattern = StringField(
        _("Login pattern"),
        [filled(_("Login pattern")), short()],
        description=_("{var|length} with any text between. Variables: %(names)s", names=_NAMES),
    )
    password_characters = StringField(_("Characters for passwords"), [filled(_("Characters")), short()])
    password_length = IntegerField(
        _("Password length"),
        [Within(4, 128, _("Write a number from 4 to 128."))],
        description=_("12 or more are advised."),
    )
    clear_characters = BooleanField(
        _("Leave out characters that look alike"),
        description=_("0 O, 1 l I |, 5 S, 2 Z and 8 B are then in no random part of a login and in no password."),
    )
    default_billing_type = SelectField(
        _("Default type of billing"),
        choices=[SelectChoice(str(option.key), _(option.label)) for option in BILLING_TYPES],
    )

    def validate_login_pattern(self, field: Any) -> None:
        """Refuse a pattern that cannot be read, and say where."""
        try:
            check_pattern(field.data)
        except SyncError as error:
            raise ValidationError(str(error)) from None

    def validate_login_characters(self, field: Any) -> None:
        """Refuse characters that cannot be typed, that come twice, or that leave nothing to choose from."""
        if problem := problem_of(field.data, clear=bool(self.clear_characters.data)):
            raise ValidationError(problem)

    validate_password_characters = validate_login_characters

    def validate_password_length(self, field: Any) -> None:
        """Refuse passwords that anybody guesses at once."""
        alphabet = Alphabet(self.password_characters.data or "", bool(self.clear_characters.data))
        strength = strength_of(alphabet, field.data or 0)
        if strength.level == "refused" and not problem_of(alphabet.text, clear=alphabet.clear):
            raise ValidationError(strength.words)
