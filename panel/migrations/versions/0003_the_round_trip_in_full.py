"""the round trip in full"""

from __future__ import annotations

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
    with op.batch_alter_table("import") as batch:
        batch.add_column(sa.Column("job_id", Number, nullable=True))
        batch.add_column(sa.Column("batch", Number, nullable=True))
        batch.add_column(sa.Column("confirmed_by", sa.String(255), nullable=False, server_default=""))
        batch.add_column(sa.Column("confirmed_user_id", Number, nullable=True))
        batch.add_column(sa.Column("confirmed_fingerprint", sa.String(255), nullable=False, server_default=""))
        batch.add_column(sa.Column("told_at", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("review_of", sa.String(255), nullable=False, server_default=""))
    with op.batch_alter_table("import_item") as batch:
        batch.add_column(sa.Column("sheet_row", sa.Integer(), nullable=False, server_default="0"))
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


def downgrade() -> None:
    op.drop_table("remembered_mapping")
    op.drop_table("exported_block")
    with op.batch_alter_table("import_item") as batch:
        batch.drop_column("sheet_row")
    with op.batch_alter_table("import") as batch:
        names = (
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
    with op.batch_alter_table("export") as batch:
        for name in ("prepared", "closed_at", "expires_at", "stored_as", "job_id", "state", "note"):
            batch.drop_column(name)
