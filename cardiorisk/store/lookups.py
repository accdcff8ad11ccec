"""Look-ups of credentials: each shared by whoever asks for the same one, and remembered.

The surprise: a look-up is shared within a generation of the memo only. One that began before a drop
may have read what was dropped, and a caller that came after it must not be told.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from cardiorisk.errors import Overloaded, StoreUnavailable
from cardiorisk.store.memo import REFUSED

if TYPE_CHECKING:
    from collections.abc import Callable

    from cardiorisk.identity.keys import Principal
    from cardiorisk.store.memo import Memo, Refusal
    from cardiorisk.store.thread import DatabaseThread
    from cardiorisk.store.values import Credential
    from cardiorisk.store.work import Work

MOST_LOOKUPS = 1_000
"""Look-ups that may wait; a look-up takes a fifth of a millisecond, so they wait 0.2 s at most."""


class Lookups:
    """The look-ups that wait, and the memo that they fill.

    Args:
        thread: where they are done.
        memo: remembers what they find.
        work: is told of failures.
        most: look-ups that may wait before callers are sent away.
    """

    def __init__(self, thread: DatabaseThread, memo: Memo, work: Work, most: int) -> None:
        self._thread = thread
        self._memo = memo
        self._work = work
        self.most = most
        self._waiting: dict[tuple[int, bytes], asyncio.Future[Credential | None]] = {}

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    async def ask(self, place: bytes, job: Callable[[], Credential | None]) -> Principal | Refusal:
        """Ask the database for a credential, together with whoever asks for the same one.

        Args:
            place: where the memo keeps what is found.
            job: what is asked, on the database's thread.

        Raises:
            Overloaded: too many look-ups wait.
            StoreUnavailable: the database cannot be read.
        """
        of_this_generation = (self._memo.generation, place)
        lookup = self._waiting.get(of_this_generation)
        if lookup is None:
            if len(self._waiting) >= self.most:
                raise Overloaded("too many keys are being looked up; try again in a second")
            lookup = self._thread.submit(job)
            self._waiting[of_this_generation] = lookup
            lookup.add_done_callback(partial(self._remember, *of_this_generation))
        try:
            found = await asyncio.shield(lookup)
        except StoreUnavailable as error:
            self._work.note("look-up", error)
            raise StoreUnavailable("the database cannot be read right now") from error
        self._work.note("look-up", None)
        return REFUSED if found is None else found.principal

    def _remember(
        self, generation: int, place: bytes, lookup: asyncio.Future[Credential | None]
    ) -> None:
        del self._waiting[generation, place]
        if lookup.exception() is not None:
            return
        credential = lookup.result()
        if credential is None:
            self._memo.refuse(place, generation)
        else:
            self._memo.keep(place, credential.principal, credential.lifetime_seconds, generation)
