"""What an operator does with everybody's accounts; it cannot suspend or delete its own."""

from collections.abc import Callable, Collection
from datetime import timedelta

from cardiorisk.errors import Conflict, UnknownAccount
from cardiorisk.identity.keys import Principal
from cardiorisk.identity.texts import LARGEST_NUMBER, find_number
from cardiorisk.limits.window import require_plan
from cardiorisk.store import rows_accounts, rows_keys
from cardiorisk.store.database import Rows
from cardiorisk.store.store import Store
from cardiorisk.store.values import AccountRecord, KeyRecord, MintedKey

UNUSED = timedelta(days=90)
DEFAULT_ACCOUNTS, MOST_ACCOUNTS = 20, 100  # of a page


class OperatedAccounts:
    """The use cases; an account's number is the text that stands in a path."""

    def __init__(self, store: Store, plans: Collection[str]) -> None:
        self._store = store
        self._plans = plans

    async def search(
        self, search: str, after: int, limit: int
    ) -> tuple[tuple[AccountRecord, ...], int | None]:
        """Find a page of accounts, and the number that the next page comes after."""
        found = await self._store.read(
            lambda rows: rows_accounts.search(rows, search, after, limit + 1, self._store.now())
        )
        page = found[:limit]
        return page, page[-1].account_id if len(found) > limit else None

    async def view(self, number: str) -> tuple[AccountRecord, tuple[KeyRecord, ...]]:
        account_id = _number(number)

        def read(rows: Rows) -> tuple[AccountRecord, tuple[KeyRecord, ...]]:
            account = rows_accounts.load(rows, account_id, self._store.now())
            return account, rows_keys.list_keys(rows, account_id)

        return await self._store.read(read)

    async def unused_keys(self) -> tuple[KeyRecord, ...]:
        now = self._store.now()
        return await self._store.read(lambda rows: rows_keys.list_unused(rows, now - UNUSED, now))

    async def create(self, name: str, plan: str) -> tuple[AccountRecord, MintedKey]:
        require_plan(plan, self._plans)

        def create(rows: Rows) -> tuple[AccountRecord, MintedKey]:
            now = self._store.now()
            account_id = rows_accounts.create(rows, name, plan, now)
            minted = rows_keys.create(rows, account_id, now)
            return rows_accounts.load(rows, account_id, now), minted

        return await self._store.change(create)

    async def suspend(self, operator: Principal, number: str) -> AccountRecord:
        return await self._change(_number_of_another(operator, number), rows_accounts.suspend)

    async def resume(self, number: str) -> AccountRecord:
        return await self._change(_number(number), rows_accounts.resume)

    async def delete(self, operator: Principal, number: str) -> AccountRecord:
        return await self._change(_number_of_another(operator, number), rows_accounts.remove)

    async def set_plan(self, number: str, plan: str) -> AccountRecord:
        require_plan(plan, self._plans)
        return await self._change(_number(number), rows_accounts.set_plan, plan=plan)

    async def revoke_key(self, number: str, key_id: str) -> KeyRecord:
        """End a key of an account at once; the operator's own account is no exception."""
        account_id = _number(number)

        def revoke(rows: Rows) -> KeyRecord:
            now = self._store.now()
            rows_accounts.load(rows, account_id, now)
            return rows_keys.revoke(rows, key_id, now, account_id)

        return await self._store.change(revoke)

    async def _change(
        self, account_id: int, change: Callable[..., AccountRecord], **values: str
    ) -> AccountRecord:
        now = self._store.now()
        return await self._store.change(lambda rows: change(rows, account_id, now=now, **values))


def _number(text: str) -> int:
    if (number := find_number(text, 1, LARGEST_NUMBER)) is None:
        raise UnknownAccount("there is no such account")
    return number


def _number_of_another(operator: Principal, text: str) -> int:
    account_id = _number(text)
    if account_id == operator.account_id:
        raise Conflict("an operator cannot do this to its own account; another one can")
    return account_id
