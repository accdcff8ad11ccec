"""The table of API keys; given the id of none of the account's, functions raise ``UnknownKey``."""

import math
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta

from sqlalchemy import and_, bindparam, delete, exists, func, insert, not_, or_, select, update

from cardiorisk.errors import Conflict, UnknownKey
from cardiorisk.identity import keys
from cardiorisk.identity.keys import KeyWindow, Principal
from cardiorisk.store import rows_changes
from cardiorisk.store.database import Rows
from cardiorisk.store.memo import digest
from cardiorisk.store.tables import Account, ApiKey
from cardiorisk.store.values import Credential, KeyRecord, MintedKey, Rotation

MOST_ACTIVE_KEYS = 20  # of an account at the same time; a command may give it more
MOST_ENDED_KEYS = 100  # of an account; the oldest leave first, or a loop could fill the disk
_MOST_UNUSED = 200  # that are listed

_IS_LASTING = or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > bindparam("now"))
IS_ACTIVE = and_(ApiKey.revoked_at.is_(None), _IS_LASTING)  # takes ``now``
_CREDENTIAL = (
    select(ApiKey.__table__, Account.plan, Account.is_operator, Account.suspended_at)
    .join(Account)
    .where(ApiKey.digest == bindparam("digest"), ApiKey.revoked_at.is_(None))
)
# The columns of ``KeyRecord``, in its order.
_RECORD = [getattr(ApiKey, field.name) for field in fields(KeyRecord)[3:]]
_RECORDS = select(ApiKey.id, Account.name, Account.plan, *_RECORD).join(Account)
_IS_OLDER = or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at < bindparam("used_at"))
_NOTE_USE = update(ApiKey).where(ApiKey.id == bindparam("key_id"), _IS_OLDER)


def find_credential(rows: Rows, key_digest: bytes, now: datetime) -> Credential | None:
    row = rows.execute(_CREDENTIAL, {"digest": key_digest}).one_or_none()
    if row is None:
        return None
    seconds = math.inf if row.expires_at is None else (row.expires_at - now).total_seconds()
    principal = Principal(
        row.account_id,
        row.id,
        row.plan,
        # One with a limit was given away for its calls, and an operator makes keys without one.
        is_operator=row.is_operator and row.limit is None,
        is_suspended=row.suspended_at is not None,
        window=None if row.limit is None else KeyWindow(row.window_id, row.limit),
    )
    return Credential(principal, seconds) if seconds > 0 else None


def list_keys(rows: Rows, account_id: int | None = None) -> tuple[KeyRecord, ...]:
    statement = _RECORDS.order_by(ApiKey.created_at, ApiKey.id)
    if account_id is not None:
        statement = statement.where(ApiKey.account_id == account_id)
    return tuple(KeyRecord(*row) for row in rows.execute(statement))


def list_unused(rows: Rows, before: datetime, now: datetime) -> tuple[KeyRecord, ...]:
    """Return active keys that were neither used nor made since ``before``, the oldest first."""
    seen = func.coalesce(ApiKey.last_used_at, ApiKey.created_at)
    unused = _RECORDS.where(IS_ACTIVE, seen < before).order_by(seen, ApiKey.id).limit(_MOST_UNUSED)
    return tuple(KeyRecord(*row) for row in rows.execute(unused, {"now": now}))


def make_room(rows: Rows, account_id: int, now: datetime) -> None:
    """Check that an account may have one more active key, and drop its oldest ended ones."""
    rows.execute(rows_changes.ONE_ACCOUNT, {"account_id": account_id})
    own = ApiKey.account_id == account_id
    active = select(func.count()).select_from(ApiKey).where(own, IS_ACTIVE)
    if rows.execute(active, {"now": now}).scalar_one() >= MOST_ACTIVE_KEYS:
        most = f"an account may have {MOST_ACTIVE_KEYS} active keys"
        raise Conflict(f"{most}; revoke one of them first")
    newest_first = ApiKey.created_at.desc(), ApiKey.id
    ended = select(ApiKey.id).where(own, not_(IS_ACTIVE)).order_by(*newest_first)
    rows.execute(delete(ApiKey).where(ApiKey.id.in_(ended.offset(MOST_ENDED_KEYS))), {"now": now})


def create(  # noqa: PLR0913, PLR0917 - what a key is made of
    rows: Rows,
    account_id: int,
    now: datetime,
    lifetime: timedelta | None = None,
    name: str | None = None,
    limit: int | None = None,
    window_id: str | None = None,
    imported: str | None = None,
) -> MintedKey:
    """Make a key of an account, or import one; its limit is in requests a minute."""
    key, key_id = imported or keys.new_key(), keys.new_key_id()
    if imported and rows.scalar(select(exists().where(ApiKey.digest == digest(key)))):
        raise Conflict("this key is in use already; make another one")
    new = insert(ApiKey).values(
        id=key_id,
        account_id=account_id,
        digest=digest(key),
        prefix=keys.visible_prefix(key),
        created_at=now,
        expires_at=None if lifetime is None else now + lifetime,
        name=name,
        limit=limit,
        window_id=None if limit is None else window_id or key_id,
    )
    rows.execute(new)
    return MintedKey(key, _require(rows, key_id))


def revoke(rows: Rows, key_id: str, now: datetime, account_id: int | None = None) -> KeyRecord:
    if _require(rows, key_id, account_id).revoked_at is None:
        _end(rows, key_id, revoked_at=now)
    return _require(rows, key_id)


def rotate(
    rows: Rows, key_id: str, grace: timedelta, now: datetime, account_id: int | None = None
) -> Rotation:
    """Make a key of the same name, limit, window and lifetime; end the old one after ``grace``."""
    this = select(ApiKey.account_id, ApiKey.window_id).where(ApiKey.id == key_id)
    held = rows.execute(this.with_for_update(key_share=True)).all()  # until this transaction ends
    old = _require(rows, key_id, account_id)
    if old.status(now) != "active":
        raise Conflict(f"{key_id} is {old.status(now)}; make another key instead")
    if grace and account_id is not None:
        make_room(rows, account_id, now)
    [(owner, window_id)] = held
    lifetime = None if old.expires_at is None else old.expires_at - old.created_at
    new = create(rows, owner, now, lifetime, old.name, old.limit, window_id)
    ends_at = now + grace if old.expires_at is None else min(now + grace, old.expires_at)
    _end(rows, key_id, **({"expires_at": ends_at} if grace else {"revoked_at": now}))
    return Rotation(_require(rows, key_id), new)


def note_last_used(rows: Rows, seconds: Mapping[str, float]) -> None:
    """Keep when keys were last used, by id and since the epoch; an earlier use changes nothing."""
    in_order = sorted(seconds.items())  # or two processes could wait for each other
    used = [{"key_id": key, "used_at": datetime.fromtimestamp(at, UTC)} for key, at in in_order]
    rows.execute(_NOTE_USE.values(last_used_at=bindparam("used_at")), used)


def _end(rows: Rows, key_id: str, **ends: datetime) -> None:
    this = update(ApiKey).where(ApiKey.id == key_id).values(ends)
    rows_changes.note(rows, rows.execute(this.returning(ApiKey.account_id)).scalar_one())


def _require(rows: Rows, key_id: str, account_id: int | None = None) -> KeyRecord:
    statement = _RECORDS.where(ApiKey.id == key_id)
    if account_id is not None:
        statement = statement.where(ApiKey.account_id == account_id)
    row = rows.execute(statement).one_or_none()
    if row is None:
        raise UnknownKey("there is no such key")
    return KeyRecord(*row)
