"""What can be allowed, and the roles that come with a new instance."""

from __future__ import annotations

STAFF = ("customer.list", "customer.view", "customer.add", "customer.edit", "customer.plan_status")
MANAGER = (*STAFF, "customer.export", "customer.bulk_edit", "import.upload")
ADMIN = (
    *MANAGER,
    "import.apply",
    "customer.delete",
    "customer.restore",
    "customer.erase",
    "customer.reveal",
    "config",
    "users",
    "audit",
)
ROLES = {"staff": STAFF, "manager": MANAGER, "admin": ADMIN}
