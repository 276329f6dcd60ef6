"""The sidebar: what there is, in the order in which people look for it, and who sees which of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flask import request, url_for
from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString

from panel.access import may


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the menu: a page, or a heading over pages; `holds` are views whose pages belong to it, too."""

    label: str | LazyString
    icon: str = ""
    endpoint: str = ""
    permission: str = ""
    children: tuple[Entry, ...] = ()
    section: str | LazyString = ""
    holds: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """Return the page's address."""
        return url_for(self.endpoint)

    @property
    def is_open(self) -> bool:
        """Tell whether the page on screen is this one or under it."""
        current = request.endpoint or ""
        return current == self.endpoint or any(child.is_open for child in self.children) or self._holds(current)

    def _holds(self, current: str) -> bool:
        # A record's own pages belong to its list; adding one has a line of its own only for customers.
        blueprint, _dot, page = self.endpoint.partition(".")
        inside = current.partition(".")[0] in {blueprint, *self.holds}
        return inside and page in {"index_view", "index"} and current != "customers.create_view"


MENU = (
    Entry(_("Home"), "home", "home.index", "customer.list"),
    Entry(
        _("Customers"),
        "users",
        children=(
            Entry(_("List"), "list", "customers.index_view", "customer.list"),
            Entry(_("Add"), "plus", "customers.create_view", "customer.add"),
            Entry(_("Planned changes"), "", "planned.index", "customer.plan_status"),
            Entry(_("Bin"), "trash", "bin.index", "customer.restore"),
        ),
    ),
    Entry(
        _("Billing"),
        "coins",
        children=(
            Entry(_("Services"), "", "services.index_view", "billing.view"),
            Entry(_("Payments"), "", "payments.index_view", "billing.view"),
            Entry(_("Daily run"), "", "daily.index", "billing.view"),
        ),
    ),
    Entry(
        _("Exports and imports"),
        "exchange",
        children=(
            Entry(_("Export"), "download", "exports.index", "customer.export"),
            Entry(_("Import"), "upload", "imports.index", "import.upload", holds=("together", "undo")),
            Entry(_("Work"), "clock", "jobs.index", "customer.list"),
        ),
    ),
    Entry(
        _("Config"),
        "settings",
        children=(
            Entry(_("Statuses"), "", "statuses.index_view", "config", section=_("Main: Customers")),
            Entry(_("Generator"), "", "generator.index", "config", section=_("Main: Customers")),
            Entry(_("Billing"), "", "billing.index", "config", section=_("Finance")),
            Entry(_("Plans"), "", "plans.index_view", "config", section=_("Finance")),
            Entry(_("Additional fields"), "", "fields.index_view", "config", section=_("System")),
            Entry(_("Partners"), "", "partners.index_view", "config", section=_("System")),
            Entry(_("Locations"), "", "locations.index_view", "config", section=_("System")),
            Entry(_("Users"), "", "users.index_view", "users", section=_("System")),
            Entry(_("Roles"), "", "roles.index_view", "users", section=_("System")),
            Entry(_("API tokens"), "", "tokens.index_view", "config", section=_("System")),
            Entry(_("Audit"), "", "audit.index", "audit", section=_("System")),
        ),
    ),
)


def visible_menu() -> Iterator[tuple[Entry, tuple[Entry, ...]]]:
    """Yield the entries that the signed-in user may open, each with its own lines."""
    for entry in MENU:
        children = tuple(child for child in entry.children if may(child.permission))
        if children or (entry.endpoint and may(entry.permission)):
            yield entry, children
