"""statuses that act"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Money = sa.BigInteger()
Moment = sa.DateTime(timezone=True)
Short = sa.String(255)

ENTITIES = ("plan", "service", "payment")
_VERSIONS = sa.table("schema_version", sa.column("entity"), sa.column("version"))
OVERRIDES = ("billing_day", "payment_due", "blocking_period", "grace_period", "minimum_balance")
ALLOWED = {
    "staff": ("billing.view", "service.edit", "payment.add"),
    "manager": ("billing.view", "service.edit", "payment.add"),
    "admin": ("billing.view", "service.edit", "payment.add", "billing.delete", "lifecycle.run"),
}


ALONE = "import_id IS NULL AND undo_of IS NULL AND job_id IS NULL AND through <> 'keys'"


def _index_revisions(where: str) -> None:
    """Make the index of what people did one by one anew: the charges of a billing day would fill it."""
    op.drop_index("ix_revision_alone", "revision")
    clause = sa.text(where)
    op.create_index("ix_revision_alone", "revision", ["at"], sqlite_where=clause, postgresql_where=clause)


def upgrade() -> None:
    _index_revisions(f"{ALONE} AND entity <> 'charge'")
    # Columns that may be empty are added to the table as it is: a million customers are not copied.
    for name in OVERRIDES:
        op.add_column("customer", sa.Column(name, Money if name == "minimum_balance" else sa.Integer(), nullable=True))
    _logged("plan", *_plan())
    _logged("service", *_service())
    op.create_index("ix_service_customer_id", "service", ["customer_id"])
    op.create_index("ix_service_plan_id", "service", ["plan_id"])
    _logged("payment", *_payment())
    op.create_index("ix_payment_customer_id", "payment", ["customer_id", "day"])
    op.create_index("ix_payment_day", "payment", ["day"])
    _logged("charge", *_charge(), deletable=False)
    op.create_index("ix_charge_customer_id", "charge", ["customer_id", "day"])
    _create_account()
    _create_config()
    op.create_table(
        "lifecycle_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("started_at", Moment, nullable=False),
        sa.Column("finished_at", Moment, nullable=True),
        sa.Column("by", Short, nullable=False),
        sa.Column("counts", Json, nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_lifecycle_day"),
    )
    op.create_table(
        "api_token",
        sa.Column("id", Number, autoincrement=True, nullable=False),
        sa.Column("name", Short, nullable=False),
        sa.Column("digest", Short, nullable=False),
        sa.Column("passwords", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("partner_id", Number, nullable=True),
        sa.Column("at", Moment, nullable=False),
        sa.Column("by", Short, nullable=False),
        sa.Column("used_on", sa.Date(), nullable=True),
        sa.Column("revoked_at", Moment, nullable=True),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_api_token_partner_id")),
        sa.PrimaryKeyConstraint("id", name="pk_api_token"),
        sa.UniqueConstraint("name", name="uq_api_token_name"),
        sa.UniqueConstraint("digest", name="uq_api_token_digest"),
        sqlite_autoincrement=True,
    )
    for entity in ENTITIES:
        op.execute(sa.insert(_VERSIONS).values(entity=entity, version=1))
    op.create_index("ix_event_by", "event", ["by", "id"])
    op.create_index("ix_event_name", "event", ["name", "id"])
    _allow()


def _logged(entity: str, *more: sa.schema.SchemaItem, deletable: bool = True) -> None:
    """Create the table of an entity whose every write has a revision."""
    op.create_table(
        entity,
        sa.Column("id", Number, autoincrement=True, nullable=False),
        sa.Column("entity", Short, nullable=False, server_default=entity),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("stamp", Short, nullable=False),
        *([sa.Column("deleted_at", Moment, nullable=True)] if deletable else []),
        *more,
        sa.PrimaryKeyConstraint("id", name=f"pk_{entity}"),
        sa.ForeignKeyConstraint(
            ["entity", "id", "revision"],
            ["revision.entity", "revision.record_id", "revision.number"],
            name=f"fk_{entity}_revision",
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.CheckConstraint(f"entity = '{entity}'", name=op.f(f"ck_{entity}_entity")),
        sqlite_autoincrement=True,
    )


def _pointer(entity: str, name: str, table: str) -> tuple[sa.schema.SchemaItem, sa.schema.SchemaItem]:
    column = sa.Column(name, Number, nullable=False)
    return column, sa.ForeignKeyConstraint([name], [f"{table}.id"], name=op.f(f"fk_{entity}_{name}"))


def _plan() -> tuple[sa.schema.SchemaItem, ...]:
    return (
        sa.Column("name", Short, nullable=False),
        sa.Column("price", Money, nullable=False),
        sa.Column("billing_type", Short, nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint("billing_type IN ('recurring', 'prepaid')", name=op.f("ck_plan_billing_type")),
        sa.CheckConstraint("price >= 0", name=op.f("ck_plan_price")),
    )


def _service() -> tuple[sa.schema.SchemaItem, ...]:
    return (
        *_pointer("service", "customer_id", "customer"),
        *_pointer("service", "plan_id", "plan"),
        sa.Column("price", Money, nullable=False),
        sa.Column("starts", sa.Date(), nullable=False),
        sa.Column("ends", sa.Date(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint("price >= 0", name=op.f("ck_service_price")),
    )


def _payment() -> tuple[sa.schema.SchemaItem, ...]:
    return (
        *_pointer("payment", "customer_id", "customer"),
        sa.Column("amount", Money, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("method", Short, nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
    )


def _charge() -> tuple[sa.schema.SchemaItem, ...]:
    return (
        *_pointer("charge", "customer_id", "customer"),
        *_pointer("charge", "service_id", "service"),
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("amount", Money, nullable=False),
        sa.UniqueConstraint("service_id", "period", name=op.f("uq_charge_service_id_period")),
    )


def _create_account() -> None:
    op.create_table(
        "account",
        sa.Column("customer_id", Number, autoincrement=False, nullable=False),
        sa.Column("balance", Money, nullable=False, server_default="0"),
        sa.Column("look_on", sa.Date(), nullable=True),
        sa.Column("billed_to", sa.Date(), nullable=True),
        sa.Column("unchecked", Short, nullable=False, server_default=""),
        sa.Column("moved_to", Number, nullable=True),
        sa.Column("moved_from", Number, nullable=True),
        sa.Column("moved_on", sa.Date(), nullable=True),
        sa.Column("blocked_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_account_customer_id")),
        sa.ForeignKeyConstraint(["moved_to"], ["status.id"], name=op.f("fk_account_moved_to")),
        sa.ForeignKeyConstraint(["moved_from"], ["status.id"], name=op.f("fk_account_moved_from")),
        sa.PrimaryKeyConstraint("customer_id", name="pk_account"),
    )
    op.execute("INSERT INTO account (customer_id, look_on) SELECT id, '0001-01-01' FROM customer")
    op.create_index("ix_account_look_on", "account", ["look_on"])


def _create_config() -> None:
    op.create_table(
        "billing_config",
        sa.Column("id", Number, autoincrement=True, nullable=False),
        sa.Column("billing_day", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("payment_due", sa.Integer(), nullable=False, server_default="15"),
        sa.Column("blocking_period", sa.Integer(), nullable=True),
        sa.Column("grace_period", sa.Integer(), nullable=True),
        sa.Column("minimum_balance", Money, nullable=False, server_default="0"),
        sa.Column("blocks_on_weekends", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("blocks_on_holidays", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("holidays", Short, nullable=False, server_default=""),
        sa.Column("blocked_status_id", Number, nullable=True),
        sa.Column("inactive_status_id", Number, nullable=True),
        sa.ForeignKeyConstraint(["blocked_status_id"], ["status.id"], name=op.f("fk_billing_config_blocked_status_id")),
        sa.ForeignKeyConstraint(
            ["inactive_status_id"], ["status.id"], name=op.f("fk_billing_config_inactive_status_id")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_billing_config"),
        sa.CheckConstraint("id = 1", name=op.f("ck_billing_config_one_row")),
    )
    # The targets of an instance that is in use are its statuses with the effects of the seeded ones.
    op.execute(
        """INSERT INTO billing_config (id, blocking_period, grace_period, blocked_status_id, inactive_status_id)
        SELECT 1, 0, 10,
            (SELECT min(id) FROM status WHERE services = 'suspended' AND accounted AND merged_into IS NULL),
            (SELECT min(id) FROM status WHERE services = 'stopped' AND NOT accounted AND deletable
                AND merged_into IS NULL)
        WHERE EXISTS (SELECT 1 FROM status)"""
    )


def _allow() -> None:
    """Let the roles that came with the instance do what is new."""
    connection = op.get_bind()
    role = sa.table("role", sa.column("id"), sa.column("name"), sa.column("permissions", Json))
    for number, name, permissions in connection.execute(sa.select(role.c.id, role.c.name, role.c.permissions)).all():
        had = json.loads(permissions) if isinstance(permissions, str) else list(permissions or ())
        new = [one for one in ALLOWED.get(name, ()) if one not in had]
        if new:
            connection.execute(role.update().where(role.c.id == number).values(permissions=[*had, *new]))


TRIGGERS = ("account_opened", "account_followed", "account_unmoved")


def downgrade() -> None:
    _index_revisions(ALONE)
    for name in TRIGGERS:
        on_sqlite = op.get_bind().dialect.name == "sqlite"
        op.execute(f"DROP TRIGGER IF EXISTS {name}" if on_sqlite else f"DROP FUNCTION IF EXISTS {name}() CASCADE")
    for column in ("by", "name"):
        op.drop_index(f"ix_event_{column}", "event")
    for table in ("api_token", "lifecycle_day", "billing_config", "account", "charge", "payment", "service", "plan"):
        op.drop_table(table)
    for name in OVERRIDES:
        op.drop_column("customer", name)
    for entity in ENTITIES:
        op.execute(sa.delete(_VERSIONS).where(_VERSIONS.c.entity == entity))
