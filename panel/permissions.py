"""What can be allowed, and the roles that come with a new instance."""

from __future__ import annotations

STAFF = ("customer.list", "customer.view", "customer.add", "customer.edit")
MANAGER = (*STAFF, "customer.export", "customer.bulk_edit", "import.upload")
ADMIN = (*MANAGER, "import.apply", "customer.delete", "customer.reveal", "config", "users")
ROLES = {"staff": STAFF, "manager": MANAGER, "admin": ADMIN}
