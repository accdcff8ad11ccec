"""What an operator does with everybody's accounts, and what it may not do to its own.

No HTTP and no SQL. An operator cannot suspend itself: that would be a mistake whose undoing needs
the command line. That another operator is left is the store's to see to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cardiorisk.errors import Conflict, FieldFault, InvalidAccount, UnknownAccount
from cardiorisk.monitoring.queries import LARGEST_NUMBER, find_number

if TYPE_CHECKING:
    from collections.abc import Collection

    from cardiorisk.identity.keys import Principal
    from cardiorisk.monitoring.queries import AccountQuery
    from cardiorisk.store.operator_store import OperatorStore
    from cardiorisk.store.values import AccountRecord, KeyRecord


class OperatedAccounts:
    """The use cases; every one may raise ``StoreUnavailable`` and ``Overloaded``.

    Args:
        store: where accounts are kept.
        plans: names of the plans that are set.
    """

    def __init__(self, store: OperatorStore, plans: Collection[str]) -> None:
        self._store = store
        self._plans = plans

    async def search(self, query: AccountQuery) -> tuple[tuple[AccountRecord, ...], int | None]:
        """Return a page of accounts, and the number that the next page comes after."""
        found = await self._store.search(query.text, query.after, query.limit + 1)
        page = found[: query.limit]
        return page, page[-1].account_id if len(found) > query.limit else None

    async def view(self, number: str) -> tuple[AccountRecord, tuple[KeyRecord, ...]]:
        """Return an account and its keys, the oldest first.

        Raises:
            UnknownAccount: there is none of this number.
        """
        return await self._store.load(_number(number))

    async def suspend(self, operator: Principal, number: str) -> AccountRecord:
        """Refuse an account's keys, tokens and logins from the next request on.

        Raises:
            UnknownAccount: there is none of this number.
            Conflict: it is the operator's own, or no other operator would be left.
        """
        account_id = _number(number)
        if account_id == operator.account_id:
            raise Conflict("you cannot suspend your own account; another operator can")
        return await self._store.suspend(account_id)

    async def resume(self, number: str) -> AccountRecord:
        """End an account's suspension.

        Raises:
            UnknownAccount: there is none of this number.
        """
        return await self._store.resume(_number(number))

    async def set_plan(self, number: str, plan: str) -> AccountRecord:
        """Put an account on a plan; its keys and tokens carry it from the next request on.

        Raises:
            UnknownAccount: there is none of this number.
            InvalidAccount: there is no such plan.
        """
        if plan not in self._plans:
            fault = FieldFault("plan", f"must be one of {', '.join(self._plans)}")
            raise InvalidAccount((fault,))
        return await self._store.set_plan(_number(number), plan)

    async def revoke_key(self, number: str, key_id: str) -> KeyRecord:
        """End a key of an account at once; the operator's own account is no exception.

        Raises:
            UnknownAccount: there is none of this number.
            UnknownKey: the account has no such key.
        """
        return await self._store.revoke_key(_number(number), key_id)


def _number(text: str) -> int:
    """Read an account's number out of a path; a text that is none names no account."""
    number = find_number(text, 1, LARGEST_NUMBER)
    if number is None:
        raise UnknownAccount("there is no account of this number")
    return number
