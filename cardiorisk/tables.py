"""The database's tables, as SQLAlchemy declares them: what is kept, and nothing of how.

No key is ever stored, only its digest. The migrations build these tables; a test holds the two
together, so a change here needs a revision. The surprise: ids of accounts are never used again
(``AUTOINCREMENT``), because the limiter counts by them and would charge a new account for what
a deleted one has used.
"""

from __future__ import annotations

from datetime import UTC, datetime  # SQLAlchemy reads the annotations at run time
from typing import TYPE_CHECKING, Any

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, LargeBinary, MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

NAME_CHARACTERS = 80
"""Longest name of an account."""

_NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: aware in Python, always UTC, stored as text that sorts by time."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the base class's signature
        """Turn an aware moment into the naive UTC that SQLite's text holds.

        Raises:
            ValueError: the moment has no time zone, so it could mean any of them.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone cannot be stored")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the base class's signature
        """Give the stored moment its time zone back."""
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """Root of the tables; names every constraint, so that a later revision can change it."""

    metadata = MetaData(naming_convention=_NAMING)
    type_annotation_map = {datetime: UtcDateTime}  # noqa: RUF012 - SQLAlchemy's own protocol


class Account(Base):
    """One subscription: who pays, and for how many requests a minute."""

    __tablename__ = "account"
    __table_args__ = (
        CheckConstraint(f"length(name) BETWEEN 1 AND {NAME_CHARACTERS}", name="name_length"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_CHARACTERS), unique=True)
    plan: Mapped[str] = mapped_column(String(32))
    is_operator: Mapped[bool]
    created_at: Mapped[datetime]


class ApiKey(Base):
    """One key of an account. It ends at ``expires_at`` or ``revoked_at``, whichever is first."""

    __tablename__ = "api_key"
    __table_args__ = (CheckConstraint("length(digest) = 32", name="digest_length"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[int] = mapped_column(
        ForeignKey("account.id", ondelete="CASCADE"), index=True
    )
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    prefix: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
