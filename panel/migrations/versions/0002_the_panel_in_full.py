"""the panel in full"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "attempt",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
    )
    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.create_index("ix_attempt_name", ["name", "at"], unique=False)

    op.create_table(
        "job",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=255), nullable=False),
        sa.Column("options", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("record_ids", sa.LargeBinary(), nullable=False),
        sa.Column("revisions", sa.LargeBinary(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("result", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_job_state"), ["state"], unique=False)

    op.create_table(
        "stored_file",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("field", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("size", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sha256", sa.String(length=255), nullable=False),
        sa.Column("stored_as", sa.String(length=255), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_stored_file_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stored_file")),
        sa.UniqueConstraint("stored_as", name=op.f("uq_stored_file_stored_as")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("stored_file", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_stored_file_customer_id"), ["customer_id"], unique=False)
    op.create_table(
        "planned_status",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("status_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("message", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_planned_status_customer_id")),
        sa.ForeignKeyConstraint(["status_id"], ["status.id"], name=op.f("fk_planned_status_status_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_planned_status")),
    )
    with op.batch_alter_table("planned_status", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_planned_status_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_planned_status_day"), ["day"], unique=False)

    op.create_table(
        "saved_view",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_saved_view_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_view")),
        sa.UniqueConstraint("user_id", "name", name=op.f("uq_saved_view_user_id_name")),
    )
    op.create_table(
        "user_session",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("digest", sa.String(length=255), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("address", sa.String(length=255), nullable=False),
        sa.Column("agent", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_user_session_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_session")),
        sa.UniqueConstraint("digest", name=op.f("uq_user_session_digest")),
    )
    with op.batch_alter_table("user_session", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_user_session_user_id"), ["user_id"], unique=False)

    with op.batch_alter_table("additional_field", schema=None) as batch_op:
        batch_op.add_column(sa.Column("target", sa.String(length=255), server_default="", nullable=False))
        batch_op.add_column(sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(
            sa.Column(
                "former_options",
                sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
                server_default="[]",
                nullable=False,
            )
        )

    op.create_table(
        "customer_contact",
        sa.Column("field", sa.String(length=255), nullable=False),
        sa.Column(
            "term",
            sa.String(length=255).with_variant(sa.String(length=255, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("field", "term", "customer_id", name=op.f("pk_customer_contact")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_customer_contact_customer_id"), "customer_contact", ["customer_id"])
    op.create_table(
        "customer_likeness",
        sa.Column(
            "mark",
            sa.String(length=255).with_variant(sa.String(length=255, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("mark", "customer_id", name=op.f("pk_customer_likeness")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_customer_likeness_customer_id"), "customer_likeness", ["customer_id"])
    # What lists sort by is indexed as the panel's fields ask for it (panel/structures.py).
    for name in ("ix_customer_city", "ix_customer_full_name", "ix_customer_login"):
        op.drop_index(name, "customer")

    with op.batch_alter_table("customer", schema=None) as batch_op:
        batch_op.add_column(sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table("generator_config", schema=None) as batch_op:
        batch_op.add_column(sa.Column("clear_characters", sa.Boolean(), server_default=sa.false(), nullable=False))

    with op.batch_alter_table("revision", schema=None) as batch_op:
        batch_op.add_column(sa.Column("job_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))
        batch_op.add_column(sa.Column("reason", sa.String(length=255), server_default="", nullable=False))

    # The first page wants the newest of these, of which a large import or job leaves none among the newest million.
    alone = "import_id IS NULL AND undo_of IS NULL AND job_id IS NULL AND through <> 'keys'"
    _index_revisions("ix_revision_alone", "at", alone)
    op.drop_index("ix_revision_at", "revision")
    op.drop_index("ix_revision_import_id", "revision")
    for name in ("import_id", "job_id"):
        _index_revisions(f"ix_revision_{name}", name, f"{name} IS NOT NULL")

    for name in ("status", "partner", "location"):
        with op.batch_alter_table(name, schema=None) as batch_op:
            batch_op.add_column(
                sa.Column("merged_into", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
            )

    with op.batch_alter_table("role", schema=None) as batch_op:
        batch_op.add_column(sa.Column("description", sa.String(length=255), server_default="", nullable=False))
        batch_op.add_column(
            sa.Column(
                "field_rights",
                sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
                server_default="{}",
                nullable=False,
            )
        )

    with op.batch_alter_table("role", schema=None) as batch_op:
        batch_op.add_column(sa.Column("needs_two_factor", sa.Boolean(), server_default=sa.false(), nullable=False))

    with op.batch_alter_table("user", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("totp_counter", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        batch_op.add_column(sa.Column("locale", sa.String(length=255), server_default="", nullable=False))
        batch_op.add_column(
            sa.Column(
                "preferences",
                sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
                server_default="{}",
                nullable=False,
            )
        )
        batch_op.add_column(sa.Column("tf_primary_method", sa.String(length=255), nullable=True))
        batch_op.add_column(sa.Column("tf_totp_secret", sa.Text(), nullable=True))
        batch_op.add_column(
            sa.Column("mf_recovery_codes", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True)
        )
        batch_op.add_column(sa.Column("last_login_at", sa.DateTime(timezone=True), nullable=True))

    _grant_what_is_new()


def _grant_what_is_new() -> None:
    """Give seeded roles the permissions that are new, where nobody changed what they were seeded with."""
    staff = ["customer.list", "customer.view", "customer.add", "customer.edit"]
    manager = [*staff, "customer.export", "customer.bulk_edit", "import.upload"]
    admin = [*manager, "import.apply", "customer.delete", "customer.reveal", "config", "users"]
    new = ["customer.plan_status"]
    newer = [*new, "customer.restore", "customer.erase", "audit"]
    seeded = {"staff": (staff, new), "manager": (manager, new), "admin": (admin, newer)}
    json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    role = sa.table(
        "role", sa.column("id", sa.BigInteger), sa.column("name", sa.String), sa.column("permissions", json)
    )
    connection = op.get_bind()
    for row in connection.execute(sa.select(role)).all():
        before, more = seeded.get(row.name, ((), ()))
        if set(row.permissions) == set(before) and more:
            granted = sa.update(role).where(role.c.id == row.id).values(permissions=[*before, *more])
            connection.execute(granted)


def _index_revisions(name: str, column: str, where: str) -> None:
    op.create_index(name, "revision", [column], sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def downgrade() -> None:
    for name in ("location", "partner", "status"):
        with op.batch_alter_table(name, schema=None) as batch_op:
            batch_op.drop_column("merged_into")

    with op.batch_alter_table("user", schema=None) as batch_op:
        batch_op.drop_column("last_login_at")
        batch_op.drop_column("mf_recovery_codes")
        batch_op.drop_column("totp_counter")
        batch_op.drop_column("tf_totp_secret")
        batch_op.drop_column("tf_primary_method")
        batch_op.drop_column("preferences")
        batch_op.drop_column("locale")

    with op.batch_alter_table("role", schema=None) as batch_op:
        batch_op.drop_column("needs_two_factor")
        batch_op.drop_column("field_rights")
        batch_op.drop_column("description")

    for name in ("ix_revision_alone", "ix_revision_import_id", "ix_revision_job_id"):
        op.drop_index(name, "revision")
    for name in ("at", "import_id"):
        op.create_index(f"ix_revision_{name}", "revision", [name])
    with op.batch_alter_table("revision", schema=None) as batch_op:
        batch_op.drop_column("reason")
        batch_op.drop_column("job_id")

    with op.batch_alter_table("generator_config", schema=None) as batch_op:
        batch_op.drop_column("clear_characters")

    with op.batch_alter_table("customer", schema=None) as batch_op:
        batch_op.drop_column("erased_at")

    for name in ("login", "full_name", "city"):
        op.create_index(f"ix_customer_{name}", "customer", [name])
    op.drop_table("customer_likeness")
    op.drop_table("customer_contact")

    with op.batch_alter_table("additional_field", schema=None) as batch_op:
        batch_op.drop_column("former_options")
        batch_op.drop_column("retired_at")
        batch_op.drop_column("target")

    with op.batch_alter_table("user_session", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_user_session_user_id"))

    op.drop_table("user_session")
    op.drop_table("saved_view")
    with op.batch_alter_table("planned_status", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_planned_status_day"))
        batch_op.drop_index(batch_op.f("ix_planned_status_customer_id"))

    op.drop_table("planned_status")
    with op.batch_alter_table("stored_file", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_stored_file_customer_id"))

    op.drop_table("stored_file")
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_job_state"))

    op.drop_table("job")
    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.drop_index("ix_attempt_name")

    op.drop_table("attempt")
