"""Workbooks that went out and came back."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from panel.models.columns import Base, Document, Instant, Key, Long, Number, Short, now


class Export(Base):
    """One workbook that went out, with what it showed: the field definitions and records of that moment.

    `record_ids` is the zlib-packed array of 64-bit IDs; `fields` the definitions, `Field.to_json` each; `prepared`
    the number of blank rows for new records. `state` is ``queued``, ``running``, ``ready``, ``failed`` or ``expired``;
    `stored_as` names the kept file until `expires_at`. A workbook is out until `closed_at`: it was brought back, or
    somebody said that it will not be. It `refreshes` the workbook of another export; `carried` is what the new rows are
    remembered by that came along from there without an import.
    """

    __tablename__ = "export"
    __table_args__ = (
        # Holds all that says which workbooks are out: what stands in the row behind the IDs takes long to reach.
        Index("ix_export_out", "entity", "closed_at", "at", "state", "user_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Key]
    entity: Mapped[Short]
    at: Mapped[Instant] = mapped_column(default=now)
    by: Mapped[Short]
    user_id: Mapped[Number | None]
    through: Mapped[Short]
    name: Mapped[Short] = mapped_column(default="")
    note: Mapped[Long] = mapped_column(default="")
    state: Mapped[Short] = mapped_column(default="ready")
    job_id: Mapped[Number | None]
    stored_as: Mapped[Short] = mapped_column(default="")
    expires_at: Mapped[Instant | None]
    closed_at: Mapped[Instant | None]
    prepared: Mapped[int] = mapped_column(default=0)
    fields: Mapped[Document] = mapped_column(default=list)
    filters: Mapped[Document] = mapped_column(default=list)
    schema_version: Mapped[int] = mapped_column(default=0)
    rows: Mapped[int] = mapped_column(default=0)
    sha256: Mapped[Short] = mapped_column(default="")
    record_ids: Mapped[bytes] = mapped_column(LargeBinary, default=b"", deferred=True)
    finished_at: Mapped[Instant | None]
    refreshes: Mapped[Number | None]
    carried: Mapped[Document] = mapped_column(default=list)


class ExportedBlock(Base):
    """Which of 65,536 neighbouring records an export showed, so that one record's workbooks are found at once.

    `bits` is a zlib-packed bitmap: the bit of an ID is number ``id % 65536`` of block ``id // 65536``.
    """

    __tablename__ = "exported_block"

    export_id: Mapped[Number] = mapped_column(ForeignKey("export.id", ondelete="CASCADE"), primary_key=True)
    block: Mapped[int] = mapped_column(primary_key=True)
    bits: Mapped[bytes] = mapped_column(LargeBinary)


class Import(Base):
    """One workbook that came back: uploaded, planned, applied, rejected or undone.

    Workbooks that are planned together share a `batch`. `confirmed_by` is the admin who typed the numbers of the
    guards in the plan with `confirmed_fingerprint`, where a second one is to apply it. The uploader was told what came
    of it at `told_at`. `review_of` is the digest of the file that an applied one was a review of, or its own.
    `reading` is how its table was read, for the page of its columns.
    """

    __tablename__ = "import"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[Key]
    entity: Mapped[Short]
    at: Mapped[Instant] = mapped_column(default=now)
    by: Mapped[Short]
    user_id: Mapped[Number | None]
    through: Mapped[Short]
    file_name: Mapped[Short]
    sha256: Mapped[Short]
    stored_as: Mapped[Short] = mapped_column(default="")
    export_id: Mapped[Number | None]
    state: Mapped[Short] = mapped_column(default="uploaded")
    options: Mapped[Document] = mapped_column(default=dict)
    counts: Mapped[Document] = mapped_column(default=dict)
    new_fields: Mapped[Document] = mapped_column(default=list)
    fingerprint: Mapped[Short] = mapped_column(default="")
    message: Mapped[Long] = mapped_column(default="")
    applied_at: Mapped[Instant | None]
    applied_by: Mapped[Short] = mapped_column(default="")
    undone_at: Mapped[Instant | None]
    job_id: Mapped[Number | None]
    batch: Mapped[Number | None]
    confirmed_by: Mapped[Short] = mapped_column(default="")
    confirmed_user_id: Mapped[Number | None]
    confirmed_fingerprint: Mapped[Short] = mapped_column(default="")
    told_at: Mapped[Instant | None]
    review_of: Mapped[Short] = mapped_column(default="")
    reading: Mapped[Document | None]


class ImportItem(Base):
    """One line of a plan's preview: a change, conflict, new record, ignored cell or problem.

    `sheet_row` is the row on the sheet, 0 for a line about the whole file; `other` what a person typed for the
    choice of that name. `against` is the import of the same batch whose value stands in the panel's place.
    """

    __tablename__ = "import_item"
    __table_args__ = (
        Index("ix_import_item_group", "import_id", "group", "number"),
        Index("ix_import_item_field", "import_id", "group", "field", "number"),
        Index("ix_import_item_sheet_row", "import_id", "sheet_row"),
    )

    import_id: Mapped[Number] = mapped_column(ForeignKey("import.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    group: Mapped[Short]
    at: Mapped[Short]
    sheet_row: Mapped[int] = mapped_column(default=0)
    record_id: Mapped[Number | None]
    field: Mapped[Short] = mapped_column(default="")
    outcome: Mapped[Short] = mapped_column(default="")
    base: Mapped[Document | None]
    panel: Mapped[Document | None]
    workbook: Mapped[Document | None]
    message: Mapped[Long] = mapped_column(default="")
    choice: Mapped[Short] = mapped_column(default="")
    other: Mapped[Document | None]
    against: Mapped[Number | None]


class ImportedRow(Base):
    """A row without an identity of its own that became a record, so that it does so once.

    `content` is a digest of the row's cells, or names a prepared row; `occurrence` counts equal rows. Which files
    share a memory is said by their imports: the same export, the same bytes or the same name.
    """

    __tablename__ = "imported_row"

    import_id: Mapped[Number] = mapped_column(ForeignKey("import.id"), primary_key=True)
    content: Mapped[Short] = mapped_column(primary_key=True)
    occurrence: Mapped[int] = mapped_column(primary_key=True)
    record_id: Mapped[Number]


class SettledConflict(Base):
    """A conflict in which the panel's value was kept, so that the same workbook is not asked about twice."""

    __tablename__ = "settled_conflict"
    __table_args__ = (Index("ix_settled_conflict_export_id", "export_id"),)

    id: Mapped[Key]
    import_id: Mapped[Number] = mapped_column(ForeignKey("import.id"))
    export_id: Mapped[Number]
    record_id: Mapped[Number]
    field: Mapped[Short]
    panel: Mapped[Document | None]
    workbook: Mapped[Document | None]


class UndoLine(Base):
    """One line of what undoing would do, for the page on which somebody looks at it before it is done.

    `panel` is the value of now and `before` what it was, in JSON form; `by` and `since` say who edited it since.
    """

    __tablename__ = "undo_line"
    __table_args__ = (Index("ix_undo_line_group", "job_id", "group", "number"),)

    job_id: Mapped[Number] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    group: Mapped[Short]
    at: Mapped[Short]
    record_id: Mapped[Number | None]
    field: Mapped[Short]
    panel: Mapped[Document | None]
    before: Mapped[Document | None]
    message: Mapped[Long]
    by: Mapped[Short]
    since: Mapped[Instant | None]


class RememberedMapping(Base):
    """How somebody mapped a foreign file, to be proposed for the next one with the same headers.

    `headers` is a digest of the header row; `options` holds key, mapping, values and order of dates.
    """

    __tablename__ = "remembered_mapping"
    __table_args__ = (Index("ix_remembered_mapping_headers", "entity", "headers"),)

    id: Mapped[Key]
    entity: Mapped[Short]
    name: Mapped[Short]
    headers: Mapped[Short]
    options: Mapped[Document] = mapped_column(default=dict)
    at: Mapped[Instant] = mapped_column(default=now)
    by: Mapped[Short]
    user_id: Mapped[Number | None]
