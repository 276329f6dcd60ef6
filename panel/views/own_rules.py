"""The rules of billing for one customer: their own beside everybody's, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from panel.entities import BILLING
from panel.extensions import db
from panel.forms.customer import shown_fields
from panel.forms.registry import in_words
from panel.models import BillingConfig
from panel.records import records_by_id
from panel.schema import Schema
from sync.fields import Field
from sync.types.numbers import NEVER


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what holds for the customer, what for everybody, and whether the customer's is an own one."""

    field: Field
    value: str
    everybody: str
    is_own: bool


def own_rules(schema: Schema, record_id: int, config: BillingConfig) -> Sequence[Rule]:
    """Return the rules of a customer as far as the schema's viewer sees them."""
    fields = [field for field in shown_fields(schema, BILLING) if not field.derived]
    own = records_by_id(db.session.connection(), fields, [record_id])[record_id].values
    return [_rule(field, own[field.key], getattr(config, field.key)) for field in fields]


def _rule(field: Field, own: Any, everybody: Any) -> Rule:
    # The settings leave a period empty that never ends.
    theirs = in_words(NEVER if everybody is None else everybody, field)
    return Rule(field, theirs if own is None else in_words(own, field), theirs, own is not None)
