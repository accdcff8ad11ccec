"""The database's tables; a change here needs a revision, and a test holds the two together.

Numbers of accounts are never used again (``AUTOINCREMENT``): the limiter counts by them, and would
charge a new account for a deleted one.
"""

from datetime import UTC, date, datetime  # SQLAlchemy reads the annotations at run time
from typing import Annotated, Any

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from cardiorisk.identity.texts import EMAIL_CHARACTERS, NAME_CHARACTERS

FOLDED_CHARACTERS = 3 * NAME_CHARACTERS  # folding makes three letters of one at most

_NAMING = {  # every constraint has a name, so that a later revision can change it
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(sa.TypeDecorator[datetime]):
    """A moment: aware in Python, stored without its zone, which is UTC."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002 - the base class's signature
        if value is not None and value.tzinfo is None:
            raise ValueError("a moment without a time zone cannot be stored")
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002 - the base class's signature
        return None if value is None else value.replace(tzinfo=UTC)


_Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_Id = Annotated[str, mapped_column(String(32), primary_key=True)]
_Owner = Annotated[int, mapped_column(sa.ForeignKey("account.id", ondelete="CASCADE"))]


class Base(DeclarativeBase):
    metadata = sa.MetaData(naming_convention=_NAMING)
    type_annotation_map = {datetime: UtcDateTime, float: sa.Double, int: _Number}  # noqa: RUF012 - SQLAlchemy's own protocol


class Account(Base):
    """One subscription; made by a command, it has neither address nor password.

    ``folded_name`` is what names are compared by, null for an account of the first revision whose
    name differed from an older one's in case only. A new ``token_generation`` ends every token.
    """

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
    folded_name: Mapped[str | None] = mapped_column(String(FOLDED_CHARACTERS), unique=True)
    email: Mapped[str | None] = mapped_column(String(EMAIL_CHARACTERS), unique=True)
    password_hash: Mapped[str | None] = mapped_column(String(255))
    token_generation: Mapped[int] = mapped_column(server_default=sa.text("0"))
    suspended_at: Mapped[datetime | None]


class ApiKey(Base):
    """One key of an account; it ends at ``expires_at`` or ``revoked_at``, whichever is first.

    ``limit`` is its own, in requests a minute; ``window_id`` the first key's that had the window.
    """

    __tablename__ = "api_key"
    __table_args__ = (CheckConstraint("length(digest) = 32", name="digest_length"),)

    id: Mapped[_Id]
    account_id: Mapped[_Owner] = mapped_column(index=True)
    digest: Mapped[bytes] = mapped_column(sa.LargeBinary(32), unique=True)
    prefix: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    name: Mapped[str | None] = mapped_column(String(NAME_CHARACTERS))
    limit: Mapped[int | None] = mapped_column(CheckConstraint('"limit" >= 1', name="limit_least"))
    window_id: Mapped[str | None] = mapped_column(String(32))


class Session(Base):
    """One login; only the refresh token named ``refresh_id`` may be used, once."""

    __tablename__ = "session"
    id: Mapped[_Id]
    account_id: Mapped[_Owner] = mapped_column(index=True)
    refresh_id: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime]
    renewed_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class AssessmentRow(Base):
    __tablename__ = "assessment"
    __table_args__ = (sa.Index(None, "account_id", "id"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    account_id: Mapped[_Owner]
    created_at: Mapped[datetime]
    label: Mapped[str | None] = mapped_column(String(80))
    cholesterol: Mapped[float]
    systolic_pressure: Mapped[float]
    sugar: Mapped[float]
    age: Mapped[float]
    overweight: Mapped[float]
    smoker: Mapped[float]
    probability: Mapped[float]
    at_risk: Mapped[bool]
    threshold: Mapped[float]
    model_version: Mapped[str] = mapped_column(String(80))


class Usage(Base):
    __tablename__ = "usage"
    account_id: Mapped[_Owner] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    calls: Mapped[int]


class Secret(Base):
    __tablename__ = "secret"
    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    value: Mapped[bytes] = mapped_column(sa.LargeBinary(64))


class AccountChange(Base):
    __tablename__ = "change"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - SQLAlchemy's own protocol

    seq: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int]


class Node(Base):
    __tablename__ = "node"
    name: Mapped[str] = mapped_column(String(NAME_CHARACTERS), primary_key=True)
    model_version: Mapped[str | None] = mapped_column(String(80))
    fault: Mapped[str | None] = mapped_column(String(500))
    seen_at: Mapped[datetime]
