"""Everybody's accounts for the event loop: what operators see and change.

Each method is a record's method run on the database's thread, plus what it makes stale in the
memo: from its return on, what it changed holds for every request.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cardiorisk.store.memo import Memo
    from cardiorisk.store.operator_records import OperatorRecords
    from cardiorisk.store.values import AccountRecord, KeyRecord
    from cardiorisk.store.work import Work


class OperatorStore:
    """Every method may raise ``StoreUnavailable`` and ``Overloaded``; others are named.

    Args:
        records: used on the database's thread only.
        work: the way to that thread.
        memo: what changes make stale.
    """

    def __init__(self, records: OperatorRecords, work: Work, memo: Memo) -> None:
        self._records = records
        self._work = work
        self._memo = memo

    async def search(self, text: str, after: int, limit: int) -> tuple[AccountRecord, ...]:
        """Return accounts by their numbers; see ``OperatorRecords.search``."""
        return await self._work.read(partial(self._records.search, text, after, limit))

    async def load(self, account_id: int) -> tuple[AccountRecord, tuple[KeyRecord, ...]]:
        """Return an account and its keys, the oldest first.

        Raises:
            UnknownAccount: there is none of this number.
        """
        return await self._work.read(partial(self._records.load, account_id))

    async def find_key_ids(self, name: str) -> frozenset[str] | None:
        """Return the ids of an account's keys; None where nobody has the name."""
        return await self._work.read(partial(self._records.find_key_ids, name))

    async def set_plan(self, account_id: int, plan: str) -> AccountRecord:
        """Put an account on a plan.

        Raises:
            UnknownAccount: there is none of this number.
        """
        return await self._change(account_id, partial(self._records.set_plan, account_id, plan))

    async def suspend(self, account_id: int) -> AccountRecord:
        """Suspend an account.

        Raises:
            UnknownAccount: there is none of this number.
            Conflict: no other operator would be left.
        """
        return await self._change(account_id, partial(self._records.suspend, account_id))

    async def resume(self, account_id: int) -> AccountRecord:
        """End an account's suspension, where there is one.

        Raises:
            UnknownAccount: there is none of this number.
        """
        return await self._change(account_id, partial(self._records.resume, account_id))

    async def revoke_key(self, account_id: int, key_id: str) -> KeyRecord:
        """End a key of an account; from the return on, it opens nothing.

        Raises:
            UnknownAccount: there is none of this number.
            UnknownKey: the account has no such key.
        """
        return await self._work.change(
            partial(self._records.revoke_key, account_id, key_id),
            lambda _: self._memo.drop_key(key_id),
        )

    async def _change(self, account_id: int, change: Callable[[], AccountRecord]) -> AccountRecord:
        return await self._work.change(change, lambda _: self._memo.drop_account(account_id))
