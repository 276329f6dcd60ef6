"""the round trip in full"""

from __future__ import annotations

import zlib
from array import array

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    with op.batch_alter_table("export") as batch:
        batch.add_column(sa.Column("note", sa.Text(), nullable=False, server_default=""))
        batch.add_column(sa.Column("state", sa.String(255), nullable=False, server_default="ready"))
        batch.add_column(sa.Column("job_id", Number, nullable=True))
        batch.add_column(sa.Column("stored_as", sa.String(255), nullable=False, server_default=""))
        batch.add_column(sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("prepared", sa.Integer(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("refreshes", Number, nullable=True))
        batch.add_column(sa.Column("carried", Json, nullable=False, server_default="[]"))
    op.create_index("ix_export_out", "export", ["entity", "closed_at", "at", "state", "user_id"])
    with op.batch_alter_table("import") as batch:
        batch.add_column(sa.Column("job_id", Number, nullable=True))
        batch.add_column(sa.Column("batch", Number, nullable=True))
        batch.add_column(sa.Column("confirmed_by", sa.String(255), nullable=False, server_default=""))
        batch.add_column(sa.Column("confirmed_user_id", Number, nullable=True))
        batch.add_column(sa.Column("confirmed_fingerprint", sa.String(255), nullable=False, server_default=""))
        batch.add_column(sa.Column("told_at", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("review_of", sa.String(255), nullable=False, server_default=""))
        batch.add_column(sa.Column("reading", Json, nullable=True))
    with op.batch_alter_table("import_item") as batch:
        batch.add_column(sa.Column("sheet_row", sa.Integer(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("other", Json, nullable=True))
        batch.add_column(sa.Column("against", Number, nullable=True))
    op.create_index("ix_import_item_field", "import_item", ["import_id", "group", "field", "number"])
    op.create_index("ix_import_item_sheet_row", "import_item", ["import_id", "sheet_row"])
    # What ended before is no news to anybody.
    op.execute("UPDATE \"import\" SET told_at = at WHERE state IN ('applied', 'rejected', 'undone')")
    op.create_table(
        "exported_block",
        sa.Column("export_id", Number, nullable=False),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.Column("bits", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["export_id"], ["export.id"], name="fk_exported_block_export_id_export", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("export_id", "block", name="pk_exported_block"),
    )
    _fill_blocks()
    _close_what_came_back()
    op.create_table(
        "remembered_mapping",
        sa.Column("id", Number, autoincrement=True, nullable=False),
        sa.Column("entity", sa.String(255), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("headers", sa.String(255), nullable=False),
        sa.Column("options", Json, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(255), nullable=False),
        sa.Column("user_id", Number, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_remembered_mapping"),
    )
    op.create_index("ix_remembered_mapping_headers", "remembered_mapping", ["entity", "headers"])
    op.create_table(
        "undo_line",
        sa.Column("job_id", Number, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("group", sa.String(255), nullable=False),
        sa.Column("at", sa.String(255), nullable=False),
        sa.Column("record_id", Number, nullable=True),
        sa.Column("field", sa.String(255), nullable=False),
        sa.Column("panel", Json, nullable=True),
        sa.Column("before", Json, nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("by", sa.String(255), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_undo_line_job_id_job", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "number", name="pk_undo_line"),
    )
    op.create_index("ix_undo_line_group", "undo_line", ["job_id", "group", "number"])


def _fill_blocks() -> None:
    """Say of the workbooks that went out before which records they showed."""
    connection = op.get_bind()
    exports = sa.table("export", sa.column("id"), sa.column("record_ids"))
    blocks = sa.table("exported_block", sa.column("export_id"), sa.column("block"), sa.column("bits"))
    for number in connection.execute(sa.select(exports.c.id)).scalars().all():
        stored = connection.execute(sa.select(exports.c.record_ids).where(exports.c.id == number)).scalar_one()
        ids: array[int] = array("q")
        found: dict[int, bytearray] = {}
        ids.frombytes(zlib.decompress(stored) if stored else b"")
        for one in ids:
            found.setdefault(one >> 16, bytearray(8192))[(one & 0xFFFF) >> 3] |= 1 << (one & 7)
        rows = [{"export_id": number, "block": at, "bits": zlib.compress(bits, 1)} for at, bits in found.items()]
        if rows:
            connection.execute(sa.insert(blocks), rows)


def _close_what_came_back() -> None:
    op.execute(
        """UPDATE export SET closed_at = (SELECT max(applied_at) FROM import
        WHERE import.export_id = export.id AND import.state = 'applied')"""
    )


def downgrade() -> None:
    op.drop_table("undo_line")
    op.drop_table("remembered_mapping")
    op.drop_table("exported_block")
    op.drop_index("ix_import_item_sheet_row", "import_item")
    op.drop_index("ix_import_item_field", "import_item")
    with op.batch_alter_table("import_item") as batch:
        batch.drop_column("against")
        batch.drop_column("other")
        batch.drop_column("sheet_row")
    with op.batch_alter_table("import") as batch:
        names = (
            "reading",
            "review_of",
            "told_at",
            "confirmed_fingerprint",
            "confirmed_user_id",
            "confirmed_by",
            "batch",
            "job_id",
        )
        for name in names:
            batch.drop_column(name)
    op.drop_index("ix_export_out", "export")
    with op.batch_alter_table("export") as batch:
        for name in (
            "carried", "refreshes", "prepared", "closed_at", "expires_at", "stored_as", "job_id", "state", "note",
        ):  # fmt: skip
            batch.drop_column(name)
