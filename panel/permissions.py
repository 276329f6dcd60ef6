"""What can be allowed, and the roles that come with a new instance."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _

BILLING = ("billing.view", "service.edit", "payment.add")
STAFF = ("customer.list", "customer.view", "customer.add", "customer.edit", "customer.plan_status", *BILLING)
MANAGER = (*STAFF, "customer.export", "customer.bulk_edit", "import.upload")
ADMIN = (
    *MANAGER,
    "import.apply",
    "customer.delete",
    "customer.restore",
    "customer.erase",
    "customer.reveal",
    "billing.delete",
    "lifecycle.run",
    "config",
    "users",
    "audit",
)
ROLES = {"staff": STAFF, "manager": MANAGER, "admin": ADMIN}
DESCRIPTIONS = {
    "staff": "See, add and edit customers",
    "manager": "Also export, edit many at once, and upload workbooks for review",
    "admin": "Everything",
}
WHOLE = "admin"
"""The role that always holds every permission and every field; it is not edited."""


@dataclass(frozen=True, slots=True)
class Permission:
    """One thing that a role may allow: its name in the code, and its words."""

    name: str
    label: Any
    explanation: Any


GROUPS: tuple[tuple[Any, tuple[Permission, ...]], ...] = (
    (
        _("Customers"),
        (
            Permission("customer.list", _("See the list"), _("Find, filter and sort customers.")),
            Permission("customer.view", _("See details"), _("Open a customer, with the history.")),
            Permission("customer.add", _("Add"), _("Add customers, with a generated login and password.")),
            Permission("customer.edit", _("Edit"), _("Change a customer's fields.")),
            Permission("customer.plan_status", _("Plan a status"), _("Have a status change on a later day.")),
            Permission("customer.bulk_edit", _("Edit many at once"), _("Change a selection, and undo it.")),
            Permission("customer.reveal", _("Show passwords"), _("See a customer's password; each time is recorded.")),
            Permission("customer.delete", _("Delete"), _("Move customers to the bin, where their status allows it.")),
            Permission("customer.restore", _("Restore"), _("Bring customers back from the bin.")),
            Permission("customer.erase", _("Erase for good"), _("Remove a person's data, without a way back.")),
        ),
    ),
    (
        _("Billing"),
        (
            Permission("billing.view", _("See"), _("Services, charges, payments and balances of customers.")),
            Permission("service.edit", _("Edit services"), _("Add services to customers, change and end them.")),
            Permission("payment.add", _("Record payments"), _("Say what came from a customer, and put it right.")),
            Permission("billing.delete", _("Delete"), _("Take back services and payments, where nothing follows.")),
            Permission("lifecycle.run", _("Run the day"), _("Have the daily run charge and block customers now.")),
        ),
    ),
    (
        _("Workbooks"),
        (
            Permission("customer.export", _("Export"), _("Take customers out to Excel or CSV.")),
            Permission("import.upload", _("Upload"), _("Bring a workbook back for review.")),
            Permission("import.apply", _("Apply"), _("Write what an import would change, and undo it.")),
        ),
    ),
    (
        _("Config"),
        (
            Permission("config", _("Configure"), _("Statuses, generator, additional fields, partners and locations.")),
            Permission("users", _("Users and roles"), _("Add and change users, and compose roles.")),
            Permission("audit", _("Audit"), _("Read who signed in, exported, revealed and configured what.")),
        ),
    ),
)


def in_words(names: Collection[str]) -> list[str]:
    """Return the labels of permissions, in the order of the role's page."""
    return [f"{group}: {one.label}" for group, some in GROUPS for one in some if one.name in names]
