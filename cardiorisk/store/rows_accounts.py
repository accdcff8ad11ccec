"""The table of accounts; given a number that is nobody's, a function raises ``UnknownAccount``."""

import shlex
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Date, bindparam, delete, exists, func, insert, or_, select, text, update

from cardiorisk.errors import Conflict, FieldFault, Taken, UnknownAccount
from cardiorisk.identity.texts import folded
from cardiorisk.store import rows_changes, rows_keys
from cardiorisk.store.database import Rows
from cardiorisk.store.rows_changes import Lock
from cardiorisk.store.tables import Account, ApiKey, Session, Usage
from cardiorisk.store.values import AccountRecord, MintedKey, StoredLogin

NEW_ACCOUNT_PLAN = "freemium"
DEMO_ACCOUNT = "demo"

# The columns of ``AccountRecord``, in its order; takes ``now``.
_RECORDS = (
    select(Account.id, Account.name, Account.plan, Account.is_operator)
    .add_columns(func.count(ApiKey.id).filter(rows_keys.IS_ACTIVE), Account.created_at)
    .add_columns(Account.email, Account.suspended_at, Account.password_hash.is_not(None))
    .outerjoin(ApiKey)
    .group_by(Account.id)
)


def find_id(rows: Rows, name: str) -> int | None:
    """Return the account of exactly this name, else the one whose name differs in case only."""
    is_exact = Account.name == name
    found = select(Account.id).where(or_(is_exact, Account.folded_name == folded(name)))
    return rows.scalar(found.order_by(is_exact.desc()).limit(1))


def require_id(rows: Rows, name: str) -> int:
    account_id = find_id(rows, name)
    if account_id is None:
        raise UnknownAccount(f"there is no account {name}")
    return account_id


def find_login(rows: Rows, name: str) -> StoredLogin | None:
    login = Account.id, Account.password_hash, Account.token_generation, Account.suspended_at
    row = rows.execute(select(*login).where(Account.folded_name == folded(name))).one_or_none()
    return None if row is None else StoredLogin(*row)


def load(rows: Rows, account_id: int, now: datetime) -> AccountRecord:
    row = rows.execute(_RECORDS.where(Account.id == account_id), {"now": now}).one_or_none()
    if row is None:
        raise UnknownAccount("there is no such account")
    return AccountRecord(*row)


def list_accounts(rows: Rows, now: datetime) -> tuple[AccountRecord, ...]:
    found = rows.execute(_RECORDS.order_by(Account.name), {"now": now})
    return tuple(AccountRecord(*row) for row in found)


def search(
    rows: Rows, wanted: str, after: int, limit: int, now: datetime
) -> tuple[AccountRecord, ...]:
    """Find by a part of a name or an address in any case, or by a key's id or start."""
    holder = select(ApiKey.account_id).where(or_(ApiKey.id == wanted, ApiKey.prefix == wanted))
    is_wanted = (
        Account.folded_name.contains(folded(wanted), autoescape=True)
        | Account.name.contains(wanted, autoescape=True)
        | Account.email.contains(folded(wanted), autoescape=True)
        | Account.id.in_(holder)
    )
    statement = _RECORDS.where(Account.id > after, is_wanted).order_by(Account.id).limit(limit)
    return tuple(AccountRecord(*row) for row in rows.execute(statement, {"now": now}))


def find_key_ids(rows: Rows, name: str) -> frozenset[str] | None:
    """Return the ids of an account's keys, ended ones too; None where nobody has the name."""
    account_id = find_id(rows, name)
    its = select(ApiKey.id).where(ApiKey.account_id == account_id)
    return None if account_id is None else frozenset(rows.scalars(its))


def register(rows: Rows, name: str, email: str, password_hash: str, now: datetime) -> AccountRecord:
    _require_free(rows, name, email)
    account_id = _insert(rows, name, now, email=email, password_hash=password_hash)
    return load(rows, account_id, now)


def claim(
    rows: Rows, account_id: int, name: str, email: str, password_hash: str, now: datetime
) -> AccountRecord:
    """Let an account that was made for somebody log in, by the name that they choose."""
    rows_changes.lock(rows, Lock.ACCOUNTS)
    if load(rows, account_id, now).has_password:
        raise Conflict("the account of this key has a password already: log in with it")
    _require_free(rows, name, email, account_id)
    values = {"name": name, "folded_name": folded(name)}
    return _change(rows, account_id, now, email=email, password_hash=password_hash, **values)


def create(rows: Rows, name: str, plan: str, now: datetime) -> int:
    _require_free(rows, name)
    return _insert(rows, name, now, plan=plan)


def find_or_create(rows: Rows, name: str, plan: str | None, now: datetime) -> int:
    rows_changes.lock(rows, Lock.ACCOUNTS)
    account_id = find_id(rows, name)
    if account_id is None:
        return _insert(rows, name, now, plan=plan or NEW_ACCOUNT_PLAN)
    found = load(rows, account_id, now)
    if plan not in {None, found.plan}:
        command = f"cardiorisk accounts plan {shlex.quote(name)} {plan}"
        raise Conflict(f"the account {name} is on {found.plan}; change that first with `{command}`")
    return account_id


def is_empty(rows: Rows) -> bool:
    return not rows.execute(select(exists(select(Account.id)))).scalar_one()


def create_demo(rows: Rows, now: datetime) -> MintedKey | None:
    """Make a demo account with a key where there is no account at all, else None."""
    rows_changes.lock(rows, Lock.ACCOUNTS)
    if not is_empty(rows):
        return None
    return rows_keys.create(rows, _insert(rows, DEMO_ACCOUNT, now), now)


def set_plan(rows: Rows, account_id: int, plan: str, now: datetime) -> AccountRecord:
    return _change(rows, account_id, now, plan=plan)


def set_operator(rows: Rows, account_id: int, now: datetime, *, is_operator: bool) -> AccountRecord:
    if not is_operator:
        _require_other_operator(rows, load(rows, account_id, now))
    return _change(rows, account_id, now, is_operator=is_operator)


def suspend(rows: Rows, account_id: int, now: datetime) -> AccountRecord:
    account = load(rows, account_id, now)
    if account.suspended_at is not None:
        return account
    _require_other_operator(rows, account)
    return _change(rows, account_id, now, suspended_at=now)


def resume(rows: Rows, account_id: int, now: datetime) -> AccountRecord:
    return _change(rows, account_id, now, suspended_at=None)


def remove(rows: Rows, account_id: int, now: datetime) -> AccountRecord:
    """Delete an account and all that is its; its name is free again, its number never."""
    account = load(rows, account_id, now)
    _require_other_operator(rows, account)
    rows.execute(delete(Account).where(Account.id == account_id))
    rows_changes.note(rows, account_id)
    return account


def set_password(rows: Rows, account_id: int, generation: int | None, password_hash: str) -> bool:
    """Change a password and end every session, unless it was changed since ``generation``."""
    new = {"password_hash": password_hash, "token_generation": Account.token_generation + 1}
    this = update(Account).where(Account.id == account_id).values(new)
    if generation is not None:
        this = this.where(Account.token_generation == generation)
    if rows.execute(this).rowcount == 0:
        return False
    rows.execute(delete(Session).where(Session.account_id == account_id))
    rows_changes.note(rows, account_id)
    return True


def replace_hash(rows: Rows, account_id: int, old_hash: str, new_hash: str) -> None:
    this = Account.id == account_id, Account.password_hash == old_hash
    rows.execute(update(Account).where(*this).values(password_hash=new_hash))


def _insert(rows: Rows, name: str, now: datetime, **values: str) -> int:
    values = {"plan": NEW_ACCOUNT_PLAN, "name": name, "folded_name": folded(name)} | values
    new = insert(Account).values(is_operator=False, created_at=now, **values)
    return rows.execute(new.returning(Account.id)).scalar_one()


def _change(rows: Rows, account_id: int, now: datetime, **values: Any) -> AccountRecord:
    rows.execute(update(Account).where(Account.id == account_id).values(values))
    rows_changes.note(rows, account_id)
    return load(rows, account_id, now)


def _require_free(rows: Rows, name: str, email: str = "", but: int = 0) -> None:
    rows_changes.lock(rows, Lock.ACCOUNTS)
    is_same_name = or_(Account.folded_name == folded(name), Account.name == name)
    faults = tuple(
        FieldFault(field, "belongs to another account")
        for field, is_same in (("username", is_same_name), ("email", Account.email == email))
        if rows.scalar(select(exists().where(is_same, Account.id != but)))
    )
    if faults:
        raise Taken(faults)


def _require_other_operator(rows: Rows, account: AccountRecord) -> None:
    """Check that an operator is left without this account; a suspended one is not missed."""
    if not account.is_operator or account.suspended_at is not None:
        return
    rows_changes.lock(rows, Lock.ACCOUNTS)
    others = Account.id != account.account_id, Account.is_operator, Account.suspended_at.is_(None)
    if not rows.execute(select(exists().where(*others))).scalar_one():
        raise Conflict(
            f"{account.name} is the last operator who is not suspended; make another one first"
        )


KEPT_DAYS = 90  # the calls of a day, one row an account and day (UTC)
_MORE_CALLS = text(
    "INSERT INTO usage (account_id, day, calls) SELECT id, :day, :more FROM account WHERE id = :id "
    "ON CONFLICT (account_id, day) DO UPDATE SET calls = usage.calls + excluded.calls"
).bindparams(bindparam("day", type_=Date))


def add_calls(rows: Rows, calls: Mapping[tuple[int, date], int]) -> None:
    """Add calls by account and day, and drop days long gone; an account may have gone too."""
    in_order = sorted(calls.items())  # as with last uses
    rows.execute(
        _MORE_CALLS,
        [{"id": account_id, "day": day, "more": more} for (account_id, day), more in in_order],
    )
    newest = max(day for _, day in calls)
    rows.execute(delete(Usage).where(Usage.day < newest - timedelta(KEPT_DAYS)))


def calls_by_day(rows: Rows, account_id: int, first: date) -> dict[date, int]:
    its = Usage.account_id == account_id, Usage.day >= first
    return dict(rows.execute(select(Usage.day, Usage.calls).where(*its)).all())
