"""Who may grant what: nobody gives more than they hold, and somebody is always left who may add users."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from flask_babel import gettext as _
from sqlalchemy import select

from panel.extensions import db
from panel.models import Partner, Role, User
from panel.permissions import in_words
from panel.rights import EDIT, NONE, SEE, as_billing_allows, rights_of, widest
from sync.errors import SyncError

_FROM_NARROW_TO_WIDE = (NONE, SEE, EDIT)


class NotYours(SyncError):
    """A right, a role or a user that is above the person who would give or change it."""


class LockedOut(SyncError):
    """A change after which nobody could add or mend users any more."""


def refuse_excess(granter: User, permissions: Collection[str], field_rights: Mapping[str, str]) -> None:
    """Refuse to give permissions or field rights that the granter does not hold. Raises `NotYours`."""
    beyond = set(permissions) - granter.permissions
    if beyond:
        words = ", ".join(in_words(beyond) or sorted(beyond))
        raise NotYours(_("You may not give what you do not hold: %(rights)s.", rights=words))
    mine = rights_of(granter)
    given = as_billing_allows(widest([field_rights]), is_seen="billing.view" in permissions)
    if any(_is_wider(given.of(key), mine.of(key)) for key in mine.seen | mine.unseen):
        raise NotYours(_("You may not give a right to a field that you do not hold yourself."))


def _is_wider(one: str, other: str) -> bool:
    return _FROM_NARROW_TO_WIDE.index(one) > _FROM_NARROW_TO_WIDE.index(other)


def narrower(one: str, other: str) -> str:
    """Return the narrower of two rights to a field."""
    return other if _is_wider(one, other) else one


def may_grant(granter: User, role: Role) -> bool:
    """Tell whether somebody holds all that a role allows."""
    try:
        refuse_excess(granter, role.permissions, role.field_rights or {})
    except NotYours:
        return False
    return True


def refuse_above(granter: User, user: User) -> None:
    """Refuse to change a user who may more, or who is not of the granter's partner. Raises `NotYours`."""
    is_elsewhere = granter.partner_id not in {None, user.partner_id}
    if is_elsewhere or not all(may_grant(granter, role) for role in user.roles):
        raise NotYours(_("%(name)s may do more than you, so you cannot change that user.", name=user))


def partners_to_bind(granter: User) -> list[tuple[int, str]]:
    """Return the partners, by ID and name, that somebody may bind a user or a token to; 0 is none."""
    in_use = select(Partner.id, Partner.name).where(Partner.merged_into.is_(None))
    found = db.session.execute(in_use.order_by(Partner.name)).all()
    mine = granter.partner_id
    if mine is not None:
        return [(number, name) for number, name in found if number == mine]
    return [(0, _("All partners")), *((number, name) for number, name in found)]


def refuse_lockout() -> None:
    """Refuse what was changed in this session where no active user could add users any more. Raises `LockedOut`."""
    db.session.flush()
    # Locked, so that two admins who take the right from each other do not both succeed.
    active = db.session.scalars(select(User).where(User.active).with_for_update())
    if not any(user.may("users") for user in active):
        raise LockedOut(_("Somebody has to be left who may add users and roles. Give that to another user first."))
