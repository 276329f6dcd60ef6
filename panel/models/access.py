"""Who may do what, and the record of what is no edit: sign-ins, exports, reveals."""

from __future__ import annotations

import secrets

from flask_login import UserMixin
from sqlalchemy import Column, ForeignKey, Table
from sqlalchemy.orm import Mapped, mapped_column, relationship

from panel.models.columns import Base, Document, Instant, Key, Number, Short, now

user_roles = Table(
    "user_role",
    Base.metadata,
    Column("user_id", ForeignKey("user.id", ondelete="CASCADE"), primary_key=True),
    Column("role_id", ForeignKey("role.id", ondelete="CASCADE"), primary_key=True),
)


class Role(Base):
    """A named set of permissions."""

    __tablename__ = "role"

    id: Mapped[Key]
    name: Mapped[Short] = mapped_column(unique=True)
    permissions: Mapped[Document] = mapped_column(default=list)

    def __str__(self) -> str:
        return self.name


class User(UserMixin, Base):
    """Somebody who signs in; `partner_id` limits what they see to one partner's customers."""

    __tablename__ = "user"

    id: Mapped[Key]
    email: Mapped[Short] = mapped_column(unique=True)
    name: Mapped[Short] = mapped_column(default="")
    password_hash: Mapped[Short] = mapped_column(default="")
    active: Mapped[bool] = mapped_column(default=True)
    must_change_password: Mapped[bool] = mapped_column(default=False)
    session_key: Mapped[Short] = mapped_column(default=lambda: secrets.token_hex(16))
    partner_id: Mapped[Number | None] = mapped_column(ForeignKey("partner.id"))
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

    id: Mapped[Key]
    at: Mapped[Instant] = mapped_column(default=now, index=True)
    by: Mapped[Short]
    user_id: Mapped[Number | None]
    name: Mapped[Short]
    detail: Mapped[Document] = mapped_column(default=dict)
