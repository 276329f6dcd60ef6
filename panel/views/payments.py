"""Payments of customers: recorded, put right, and taken back."""

from __future__ import annotations

from typing import Any

from flask import g
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from panel.entities import PAYMENT
from panel.models import Payment
from panel.rights import the_schema
from panel.views.customer_query import called
from panel.views.messages import say
from panel.views.of_customers import OfCustomers
from panel.words import day_in_words, money_in_words, today


class PaymentView(OfCustomers):
    """Payments of the customers whom the signed-in user sees."""

    noun = lazy_gettext("payment")
    lead = lazy_gettext("What customers paid, the newest first. Each is recorded on its customer's page.")
    nothing = lazy_gettext("The payments of customers will be listed here. They are recorded on a customer's page.")
    entity = PAYMENT
    tab = "billing"

    def new_record(self) -> Payment:
        """Return a payment of the customer whom the address names."""
        return self._noting(super().new_record())

    def found(self, text: str | None, *, binned: bool = False) -> Payment:
        """Return the payment that an address or a form names."""
        return self._noting(super().found(text, binned=binned))

    def _noting(self, payment: Payment) -> Payment:
        """Remember which status the customer has before anything is written."""
        g.status_before = self.customer_of(payment).status_id
        return payment

    def first_values(self, model: Payment) -> dict[str, Any]:
        """Return today and the usual method."""
        return {"day": today(), "method": "transfer"}

    def called(self, model: Payment) -> str:
        """Return how much was paid when."""
        return payment_in_words(model)

    def added_words(self, model: Payment) -> str:
        """Return what was recorded, and what came of it."""
        words = _("A payment of %(amount)s was recorded.", amount=money_in_words(model.amount))
        return " ".join([words, *self._followed(model)])

    def tell_followed(self, model: Payment) -> None:
        """Tell which status the customer has by now."""
        for words in self._followed(model):
            say(words)

    def _followed(self, model: Payment) -> list[str]:
        customer = self.customer_of(model)
        seen = any(field.key == "status" for field in the_schema().fields)
        if customer.status_id == g.status_before or not seen:
            return []
        return [_("%(name)s is %(status)s again.", name=called(customer, the_schema()), status=customer.status.label)]


def payment_in_words(payment: Payment) -> str:
    """Return how much was paid when."""
    amount, day = money_in_words(payment.amount), day_in_words(payment.day)
    return str(_("Payment of %(amount)s on %(day)s", amount=amount, day=day))
