"""Who may do what, and the record of what is no edit: sign-ins, exports, reveals."""

from __future__ import annotations

import secrets

from flask_login import UserMixin
from sqlalchemy import Column, ForeignKey, Table
from sqlalchemy.orm import Mapped, mapped_column, relationship

from panel.models.columns import Base, document, instant, key, now, number, short

user_roles = Table(
    "user_role",
    Base.metadata,
    Column("user_id", ForeignKey("user.id", ondelete="CASCADE"), primary_key=True),
    Column("role_id", ForeignKey("role.id", ondelete="CASCADE"), primary_key=True),
)


class Role(Base):
    """A named set of permissions."""

    __tablename__ = "role"

    id: Mapped[key]
    name: Mapped[short] = mapped_column(unique=True)
    permissions: Mapped[document] = mapped_column(default=list)

    def __str__(self) -> str:
        return self.name


class User(UserMixin, Base):
    """Somebody who signs in; `partner_id` limits what they see to one partner's customers."""

    __tablename__ = "user"

    id: Mapped[key]
    email: Mapped[short] = mapped_column(unique=True)
    name: Mapped[short] = mapped_column(default="")
    password_hash: Mapped[short] = mapped_column(default="")
    active: Mapped[bool] = mapped_column(default=True)
    must_change_password: Mapped[bool] = mapped_column(default=False)
    session_key: Mapped[short] = mapped_column(default=lambda: secrets.token_hex(16))
    partner_id: Mapped[number | None] = mapped_column(ForeignKey("partner.id"))
    roles: Mapped[list[Role]] = relationship(secondary=user_roles, lazy="selectin")

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def is_active(self) -> bool:
        return self.active

    def get_id(self) -> str:
        """Return what a session remembers: a key that changes with the password, not the ID."""
        return self.session_key

    @property
    def permissions(self) -> frozenset[str]:
        """Return everything that the user's roles allow."""
        return frozenset(name for role in self.roles for name in role.permissions)

    def may(self, permission: str) -> bool:
        """Tell whether one of the user's roles allows this."""
        return permission in self.permissions


class Event(Base):
    """One thing that happened and changed no record: a sign-in, an export, a reveal."""

    __tablename__ = "event"

    id: Mapped[key]
    at: Mapped[instant] = mapped_column(default=now, index=True)
    by: Mapped[short]
    user_id: Mapped[number | None]
    name: Mapped[short]
    detail: Mapped[document] = mapped_column(default=dict)
