"""What admins configure: statuses, partners, locations, the generator, additional fields."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, Numeric, UniqueConstraint, event, false
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapped, Mapper, mapped_column

from panel.models.columns import Base, Document, Instant, Key, Long, Number, Short

LETTERS_AND_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ1234567890abcdefghijklmnopqrstuvwxyz"


class Status(Base):
    """A customer's lifecycle state; its effects are columns, so that admins may add states.

    One that was merged into another stays as `merged_into` says, because workbooks that are out still name it.
    """

    __tablename__ = "status"
    __table_args__ = (CheckConstraint("services IN ('active', 'suspended', 'stopped')", name="services"),)

    id: Mapped[Key]
    label: Mapped[Short] = mapped_column(unique=True)
    description: Mapped[Short] = mapped_column(default="")
    services: Mapped[Short] = mapped_column(default="stopped")
    accounted: Mapped[bool] = mapped_column(default=False)
    deletable: Mapped[bool] = mapped_column(default=False)
    is_default: Mapped[bool] = mapped_column(default=False)
    colour: Mapped[Short] = mapped_column(default="#75849a")
    position: Mapped[int] = mapped_column(default=0)
    merged_into: Mapped[Number | None]

    def __str__(self) -> str:
        return self.label


class Partner(Base):
    """An organisation that customers belong to; one that was merged into another stays, as a status does."""

    __tablename__ = "partner"

    id: Mapped[Key]
    name: Mapped[Short] = mapped_column(unique=True)
    merged_into: Mapped[Number | None]

    def __str__(self) -> str:
        return self.name


class Location(Base):
    """A place that customers belong to; one that was merged into another stays, as a status does."""

    __tablename__ = "location"

    id: Mapped[Key]
    name: Mapped[Short] = mapped_column(unique=True)
    merged_into: Mapped[Number | None]

    def __str__(self) -> str:
        return self.name


class GeneratorConfig(Base):
    """The rules of logins and passwords; one row."""

    __tablename__ = "generator_config"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[Key]
    login_change_on_add: Mapped[bool] = mapped_column(default=True)
    login_change_on_edit: Mapped[bool] = mapped_column(default=True)
    login_characters: Mapped[Short] = mapped_column(default=LETTERS_AND_DIGITS)
    login_pattern: Mapped[Short] = mapped_column(default="{id|6}")
    show_generate: Mapped[bool] = mapped_column(default=True)
    password_characters: Mapped[Short] = mapped_column(default=LETTERS_AND_DIGITS)
    password_length: Mapped[int] = mapped_column(default=8)
    default_billing_type: Mapped[Short] = mapped_column(default="recurring")
    next_number: Mapped[int] = mapped_column(default=1)
    clear_characters: Mapped[bool] = mapped_column(default=False, server_default=false())


class AdditionalField(Base):
    """A field that an admin added to an entity; its values live in the record's `extra` under `key`.

    A key never changes and is never used again: a field that is done with is retired. `made_from` is the header of
    the column that an import made it of, in lower case; `target` the entity that a relation points to. `former_options`
    are the key and label of each option that was taken away, with the key of the one that it became part of.
    """

    __tablename__ = "additional_field"
    __table_args__ = (UniqueConstraint("entity", "key"),)

    id: Mapped[Key]
    entity: Mapped[Short] = mapped_column(default="customer")
    key: Mapped[Short]
    label: Mapped[Short]
    type: Mapped[Short] = mapped_column(default="string")
    category: Mapped[Short] = mapped_column(default="all")
    options: Mapped[Document] = mapped_column(default=list)
    default: Mapped[Long | None]
    min: Mapped[Decimal | None] = mapped_column(Numeric(20, 6))
    max: Mapped[Decimal | None] = mapped_column(Numeric(20, 6))
    scale: Mapped[int | None]
    required: Mapped[bool] = mapped_column(default=False)
    is_unique: Mapped[bool] = mapped_column(default=False)
    add: Mapped[bool] = mapped_column(default=True)
    show_in_list: Mapped[bool] = mapped_column(default=False)
    searchable: Mapped[bool] = mapped_column(default=False)
    read_only: Mapped[bool] = mapped_column(default=False)
    disabled: Mapped[bool] = mapped_column(default=False)
    hidden: Mapped[bool] = mapped_column(default=False)
    retired: Mapped[bool] = mapped_column(default=False)
    position: Mapped[int] = mapped_column(default=0)
    made_from: Mapped[Short] = mapped_column(default="")
    target: Mapped[Short] = mapped_column(default="", server_default="")
    retired_at: Mapped[Instant | None]
    former_options: Mapped[Document] = mapped_column(default=list, server_default="[]")

    def __str__(self) -> str:
        return self.label


class SchemaVersion(Base):
    """Counts every change of an entity's fields and choices, so that each process notices at its next request."""

    __tablename__ = "schema_version"

    entity: Mapped[Short] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(default=1)


def _bump(_mapper: Mapper[Any], connection: Connection, _target: object) -> None:
    table = SchemaVersion.__table__
    connection.execute(table.update().values(version=table.c.version + 1))  # type: ignore[attr-defined]  # a Table, typed wider


for _model in (AdditionalField, Status, Partner, Location):
    for _moment in ("after_insert", "after_update", "after_delete"):
        event.listen(_model, _moment, _bump)
