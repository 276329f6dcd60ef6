"""The form of the rules of billing, and what they come to, told by an example."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import holidays
from babel import Locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from wtforms import BooleanField, Form, SelectField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import StopValidation

from panel.billing.days import Calendar, check_country, month_after
from panel.entities import BILLING, CUSTOMER
from panel.forms.config import short, stripped
from panel.forms.showing import shown
from panel.models import BillingConfig, Status
from panel.words import day_in_words, locale_of_words
from sync.errors import SyncError
from sync.fields import Bad
from sync.types.numbers import NEVER
from sync.values import parse_value

_FIELDS = {field.key: field for field in CUSTOMER.fields if field.part == BILLING}


class RuleField(StringField):
    """A rule that customers may also have for themselves, typed as there."""

    value: Any = None

    def __init__(self, key: str, description: Any, **options: Any) -> None:
        self.field = replace(_FIELDS[key], required=True)
        super().__init__(self.field.name, description=description, **options)

    def process_data(self, value: Any) -> None:
        """Show the rule that holds: the settings leave a period empty that never ends."""
        self.data = shown(NEVER if value is None else value, self.field)

    def pre_validate(self, form: Any) -> None:
        """Read what was typed, or say what is wrong with it."""
        self.value = parse_value(self.data or "", self.field)
        if isinstance(self.value, Bad):
            raise StopValidation(self.value.message)
        if self.value is None:
            raise StopValidation(_("%(field)s is required. Fill it in.", field=self.field.name))

    def populate_obj(self, obj: Any, name: str) -> None:
        """Give the settings the rule."""
        setattr(obj, name, None if self.field.type == "days" and self.value == NEVER else self.value)


def _number(text: Any) -> int | None:
    return int(text) if text not in (None, "", "None") and str(text).isdecimal() else None


class BillingForm(Form):
    """The rules of billing for everybody."""

    billing_day = RuleField("billing_day", lazy_gettext("The day of the month on which services are charged, 1 to 28."))
    payment_due = RuleField("payment_due", lazy_gettext("So many days after it the payment is due, 1 to 28."))
    blocking_period = RuleField(
        "blocking_period", lazy_gettext("So many days after that who has not paid is blocked: 0 to 99, or never.")
    )
    grace_period = RuleField(
        "grace_period", lazy_gettext("So many days after being blocked services are stopped: 1 to 99, or never.")
    )
    minimum_balance = RuleField(
        "minimum_balance", lazy_gettext("Nobody is blocked whose balance is at least this. It may be below zero.")
    )
    blocks_on_weekends = BooleanField(
        lazy_gettext("Block on weekends"), description=lazy_gettext("Otherwise on the next working day.")
    )
    blocks_on_holidays = BooleanField(
        lazy_gettext("Block on holidays"), description=lazy_gettext("Otherwise on the next working day.")
    )
    country = SelectField(lazy_gettext("Holidays of"), validate_choice=True)
    part = StringField(
        lazy_gettext("Part of the country"),
        [short(10)],
        filters=[stripped],
        description=lazy_gettext("Its code, as in BY for Bavaria, where it has holidays of its own."),
    )
    blocked_status_id = SelectField(lazy_gettext("Status of the blocked"), coerce=_number)
    inactive_status_id = SelectField(lazy_gettext("Status after the grace period"), coerce=_number)

    def __init__(self, formdata: Any, config: BillingConfig, statuses: Sequence[Status]) -> None:
        country, _hyphen, part = config.holidays.partition("-")
        super().__init__(formdata, obj=config, data={"country": country, "part": part})
        self.services = {one.id: one.services for one in statuses}
        nobody = SelectChoice("", _("None: nobody is moved"))
        choices = [nobody, *(SelectChoice(one.id, one.label) for one in statuses)]
        self.country.choices = [SelectChoice("", _("No country")), *_countries()]
        self.blocked_status_id.choices = self.inactive_status_id.choices = choices

    @property
    def holidays(self) -> str:
        """Return the country, and after a hyphen its part, as the settings keep them."""
        parts = [self.country.data or "", (self.part.data or "").upper()]
        return "-".join(part for part in parts if part) if parts[0] else ""

    def validate_part(self, field: Any) -> None:
        """Refuse a part that the country does not have."""
        try:
            check_country(self.holidays)
        except SyncError as error:
            raise StopValidation(str(error)) from None

    def validate_blocked_status_id(self, field: Any) -> None:
        """Refuse a status with which services would run on."""
        if self.services.get(field.data) == "active":
            raise StopValidation(_("With this status services run on. Choose one that suspends or stops them."))

    def validate_inactive_status_id(self, field: Any) -> None:
        """Refuse the same, and the status that the blocked have already."""
        self.validate_blocked_status_id(field)
        if field.data is not None and field.data == self.blocked_status_id.data:
            raise StopValidation(_("The blocked have this status already. Choose another one."))


def _countries() -> Iterator[SelectChoice]:
    names = Locale.parse(locale_of_words()).territories
    found = ((code, names.get(code, code)) for code in holidays.list_supported_countries(include_aliases=False))
    yield from (SelectChoice(code, name) for code, name in sorted(found, key=lambda one: one[1]))


def example_of(form: BillingForm, labels: Mapping[int, str], day: dt.date) -> str:
    """Return what the rules of a valid form come to for somebody who is billed next and never pays."""
    month = month_after(day.replace(day=1))
    billed = month.replace(day=form.billing_day.value)
    due = billed + dt.timedelta(form.payment_due.value)
    parts = [_("Billed on %(day)s", day=day_in_words(billed)), _("due on %(day)s", day=day_in_words(due))]
    parts += _moves_of(form, labels, due)
    return str(_("%(steps)s.", steps=", ".join(parts)))


def _moves_of(form: BillingForm, labels: Mapping[int, str], due: dt.date) -> Iterator[str]:
    blocked, inactive = (labels.get(one.data or 0) for one in (form.blocked_status_id, form.inactive_status_id))
    blocking, grace = form.blocking_period.value, form.grace_period.value
    if blocked is None or blocking == NEVER:
        yield str(_("and never blocked"))
        return
    calendar = Calendar(bool(form.blocks_on_weekends.data), "" if form.blocks_on_holidays.data else form.holidays)
    on = calendar.next_working(due + dt.timedelta(blocking))
    yield str(_("%(status)s on %(day)s", status=blocked, day=day_in_words(on)))
    if inactive is not None and grace != NEVER:
        yield str(_("%(status)s on %(day)s", status=inactive, day=day_in_words(on + dt.timedelta(grace))))
