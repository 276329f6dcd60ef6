"""The change log: one row for every write of a record, and the values that only one record may have."""

from __future__ import annotations

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from panel.models.columns import Base, Document, Instant, Long, Number, Short

ALONE = "import_id IS NULL AND undo_of IS NULL AND job_id IS NULL AND through <> 'keys'"
"""Which revisions belong to no import and no job, which are shown as a whole, nor to a new key (`panel.rotating`)."""
NO_CHARGE = "entity <> 'charge'"
"""Which are no charges: a billing day makes as many as all customers have services."""


def _partial_index(name: str, column: str, where: str) -> Index:
    return Index(name, column, sqlite_where=text(where), postgresql_where=text(where))


class Revision(Base):
    """One write of one record: who, when, through what, and each changed field's old and new value.

    `changes` maps a field's key to ``[old, new]`` in the field type's JSON form; a secret's are keyed digests.
    `cells` maps a field's key to the address that its new value came from, `reason` says why where nobody typed it.
    """

    __tablename__ = "revision"
    __table_args__ = (
        _partial_index("ix_revision_alone", "at", f"{ALONE} AND {NO_CHARGE}"),
        _partial_index("ix_revision_import_id", "import_id", "import_id IS NOT NULL"),
        _partial_index("ix_revision_job_id", "job_id", "job_id IS NOT NULL"),
    )

    entity: Mapped[Short] = mapped_column(primary_key=True)
    record_id: Mapped[Number] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    stamp: Mapped[Short]
    at: Mapped[Instant]
    by: Mapped[Short]
    user_id: Mapped[Number | None]
    through: Mapped[Short]
    import_id: Mapped[Number | None]
    undo_of: Mapped[Number | None]
    job_id: Mapped[Number | None]
    changes: Mapped[Document]
    cells: Mapped[Document | None]
    reason: Mapped[Short] = mapped_column(default="", server_default="")


class UniqueValue(Base):
    """A value that one record holds and no other may: the database's own answer to "is it taken?"."""

    __tablename__ = "unique_value"
    __table_args__ = (Index("ix_unique_value_record", "entity", "record_id"),)

    entity: Mapped[Short] = mapped_column(primary_key=True)
    field: Mapped[Short] = mapped_column(primary_key=True)
    value: Mapped[Long] = mapped_column(primary_key=True)
    record_id: Mapped[Number]
