"""Who may do what, and the record of what is no edit: sign-ins, exports, reveals."""

from __future__ import annotations

import secrets

from flask_login import UserMixin
from sqlalchemy import Column, ForeignKey, Index, Table, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship, synonym

from panel.models.columns import Base, Document, Instant, Key, Long, Number, Short, now

user_roles = Table(
    "user_role",
    Base.metadata,
    Column("user_id", ForeignKey("user.id", ondelete="CASCADE"), primary_key=True),
    Column("role_id", ForeignKey("role.id", ondelete="CASCADE"), primary_key=True),
)


class Role(Base):
    """A named set of permissions; `field_rights` maps a key to ``see`` or ``none``, where less than edit."""

    __tablename__ = "role"

    id: Mapped[Key]
    name: Mapped[Short] = mapped_column(unique=True)
    description: Mapped[Short] = mapped_column(default="", server_default="")
    permissions: Mapped[Document] = mapped_column(default=list)
    field_rights: Mapped[Document] = mapped_column(default=dict, server_default="{}")
    needs_two_factor: Mapped[bool] = mapped_column(default=False, server_default=false())

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
    locale: Mapped[Short] = mapped_column(default="", server_default="")
    preferences: Mapped[Document] = mapped_column(default=dict, server_default="{}")
    tf_primary_method: Mapped[Short | None]
    tf_totp_secret: Mapped[Long | None]
    totp_counter: Mapped[Number | None]
    mf_recovery_codes: Mapped[Document | None]
    last_login_at: Mapped[Instant | None]
    roles: Mapped[list[Role]] = relationship(secondary=user_roles, lazy="selectin")
    # What Flask-Security calls them.
    password: Mapped[str] = synonym("password_hash")
    fs_uniquifier: Mapped[str] = synonym("session_key")

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def is_active(self) -> bool:
        return self.active

    def get_id(self) -> str:
        """Return what a session remembers: a key that changes with the password, not the ID."""
        return self.session_key

    @property
    def has_two_factor(self) -> bool:
        """Tell whether signing in asks for a code too."""
        return bool(self.tf_totp_secret)

    @property
    def needs_two_factor(self) -> bool:
        """Tell whether one of the user's roles asks for a code at every sign-in."""
        return any(role.needs_two_factor for role in self.roles)

    @property
    def permissions(self) -> frozenset[str]:
        """Return everything that the user's roles allow."""
        return frozenset(name for role in self.roles for name in role.permissions)

    def may(self, permission: str) -> bool:
        """Tell whether one of the user's roles allows this."""
        return permission in self.permissions


class UserSession(Base):
    """One sign-in, known by the digest of what its cookie carries; ended, it never comes back.

    `confirmed_at` is when the user last gave the password or a code in it, for what asks for that again.
    """

    __tablename__ = "user_session"

    id: Mapped[Key]
    digest: Mapped[Short] = mapped_column(unique=True)
    user_id: Mapped[Number] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    started_at: Mapped[Instant] = mapped_column(default=now)
    seen_at: Mapped[Instant] = mapped_column(default=now)
    confirmed_at: Mapped[Instant | None]
    ended_at: Mapped[Instant | None]
    address: Mapped[Short] = mapped_column(default="")
    agent: Mapped[Short] = mapped_column(default="")


class Attempt(Base):
    """One try at something that is limited in number: `name` says at what, and whose."""

    __tablename__ = "attempt"
    __table_args__ = (Index("ix_attempt_name", "name", "at"),)

    id: Mapped[Key]
    name: Mapped[Short]
    at: Mapped[Instant] = mapped_column(default=now)


class SavedView(Base):
    """A list as somebody left it: its filters, search, order and columns, as the query of its address."""

    __tablename__ = "saved_view"
    __table_args__ = (UniqueConstraint("user_id", "name"),)

    id: Mapped[Key]
    user_id: Mapped[Number] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    name: Mapped[Short]
    query: Mapped[Long] = mapped_column(default="")
    shared: Mapped[bool] = mapped_column(default=False)
    at: Mapped[Instant] = mapped_column(default=now)


class Event(Base):
    """One thing that happened and changed no record: a sign-in, an export, a reveal."""

    __tablename__ = "event"
    # A network that asks for passwords makes millions of one name.
    __table_args__ = (Index("ix_event_by", "by", "id"), Index("ix_event_name", "name", "id"))

    id: Mapped[Key]
    at: Mapped[Instant] = mapped_column(default=now, index=True)
    by: Mapped[Short]
    user_id: Mapped[Number | None]
    name: Mapped[Short]
    detail: Mapped[Document] = mapped_column(default=dict)
