"""The forms of what admins configure: statuses, partners, locations, the generator."""

from __future__ import annotations

from typing import Any, ClassVar

from wtforms import BooleanField, Form, IntegerField, SelectField, StringField, ValidationError
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Regexp

from panel.generator import VARIABLES, parse_pattern
from panel.schema import BILLING_TYPES
from sync.errors import SyncError
from sync.types.text import clean_text

SERVICES = (
    SelectChoice("active", "Active: services run"),
    SelectChoice("suspended", "Suspended: services are blocked for the time being"),
    SelectChoice("stopped", "Stopped: no services"),
)
SHORT_PASSWORD = 12


def stripped(text: str | None) -> str | None:
    """Return text without outer white space, and without what no database or workbook holds."""
    return clean_text(text).strip() if text else text


def filled(label: str) -> InputRequired:
    """Return the rule that an input is filled in."""
    return InputRequired(f"{label} is required. Fill it in.")


def short(most: int = 255) -> Length:
    """Return the rule that a text is not longer than the database takes."""
    return Length(max=most, message=f"Write at most {most} characters.")


class NameForm(Form):
    """A partner or a location."""

    name = StringField("Name", [filled("Name"), short()], filters=[stripped])


class StatusForm(Form):
    """A status with its effects."""

    label = StringField("Label", [filled("Label"), short()], filters=[stripped])
    description = StringField("Description", [short()], filters=[stripped])
    services = SelectField("Services", choices=SERVICES)
    accounted = BooleanField("Accounted", description="Services of these customers are charged.")
    deletable = BooleanField("Deletable", description="Customers with this status may be deleted.")
    is_default = BooleanField("Default", description="New customers get this status.")
    colour = StringField("Colour", [Regexp("^#[0-9a-fA-F]{6}$", message="Write a colour such as #2fb344.")])
    position = IntegerField("Position", [NumberRange(0, 9999, "Write a number from 0 to 9999.")], default=0)
    inputs: ClassVar[dict[str, str]] = {"colour": "color", "position": "number"}


class GeneratorForm(Form):
    """The rules by which logins and passwords are made."""

    login_change_on_add = BooleanField(
        "Can change login while adding", description="May the login be typed when a customer is added?"
    )
    login_change_on_edit = BooleanField("Can change login while editing", description="May the login be changed later?")
    login_characters = StringField(
        "Characters for logins", [filled("Characters"), short()], description="Used by {rand_string}."
    )
    show_generate = BooleanField("Show the Generate button", description="Beside the login in the customer's forms.")
    login_pattern = StringField(
        "Login pattern",
        [filled("Login pattern"), short()],
        description="{var|length} with any text between. Variables: " + ", ".join(f"{{{name}}}" for name in VARIABLES),
    )
    password_characters = StringField("Characters for passwords", [filled("Characters"), short()])
    password_length = IntegerField(
        "Password length", [NumberRange(4, 128, "Write a number from 4 to 128.")], description="12 or more are advised."
    )
    default_billing_type = SelectField(
        "Default type of billing", choices=[SelectChoice(str(option.key), option.label) for option in BILLING_TYPES]
    )

    def validate_login_pattern(self, field: Any) -> None:
        """Refuse a pattern that cannot be read, and say where."""
        try:
            parse_pattern(field.data)
        except SyncError as error:
            raise ValidationError(str(error)) from None

    def validate_login_characters(self, field: Any) -> None:
        """Refuse white space, which nobody could type back."""
        if any(char.isspace() for char in field.data):
            raise ValidationError("Leave out the white space: nobody sees it in a login.")

    validate_password_characters = validate_login_characters
