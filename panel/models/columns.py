"""What the tables share: their base class and the column types that both databases know."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Integer, MetaData, String, Text, TypeDecorator
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column

Json = JSON().with_variant(JSONB(), "postgresql")
# SQLite gives AUTOINCREMENT only to a column declared INTEGER.
Identity = BigInteger().with_variant(Integer(), "sqlite")

Key = Annotated[int, mapped_column(Identity, primary_key=True, autoincrement=True)]
Number = Annotated[int, mapped_column(Identity)]
Short = Annotated[str, mapped_column(String(255))]
Long = Annotated[str, mapped_column(Text)]
Instant = Annotated[dt.datetime, mapped_column(DateTime(timezone=True))]
Document = Annotated[Any, mapped_column(Json)]


class Money(TypeDecorator[Decimal]):
    """An amount to the hundredth, kept as a whole number of hundredths: exact on both databases."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        """Return the hundredths of an amount; one that has smaller parts is refused before."""
        return None if value is None else int(value.scaleb(2))

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:
        """Return the amount, with two decimal places."""
        return None if value is None else Decimal(int(value)).scaleb(-2)


class Base(DeclarativeBase):
    """Base of every table; constraints have predictable names, so that migrations can drop them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def now() -> dt.datetime:
    """Return this instant in UTC."""
    return dt.datetime.now(dt.UTC)


def aware(at: dt.datetime) -> dt.datetime:
    """Return an instant that came from the database, with its time zone."""
    return at if at.tzinfo else at.replace(tzinfo=dt.UTC)  # SQLite forgets that it is UTC
