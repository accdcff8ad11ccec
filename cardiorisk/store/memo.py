"""The memo: who the latest keys belong to, so that a request seldom asks the database.

Pure: no database, no thread, no time but the clock it is given. Keys enter as digests only.
Known and refused keys are kept apart, so that a flood of made-up keys cannot push a good one
out. Not thread-safe, and need not be: it is used on the event loop only.

The surprise is ``generation``. A look-up takes time, and what it read may be made stale while it
is under way. Whoever looks up notes the generation first and hands it back with the result; any
drop in between has raised it, and the result is then not kept. See decision 0007.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from cardiorisk.identity.keys import Principal

KNOWN_SECONDS = 60.0
REFUSED_SECONDS = 2.0
MOST_ENTRIES = 16_384
"""Of each kind; about 400 bytes each."""


class Refusal(Enum):
    """What the memo says of a key that the database does not know or no longer honours."""

    REFUSED = "refused"


REFUSED: Final = Refusal.REFUSED


@dataclass(frozen=True, slots=True)
class MemoStatistics:
    """What the memo has done since the start, and what it holds.

    Attributes:
        hits: look-ups that found a principal.
        refusals: look-ups that found a refusal.
        misses: look-ups that found nothing: the key was malformed, or the database was asked.
        entries: principals held, those whose time is over included.
        refused_entries: refusals held, likewise.
    """

    hits: int
    refusals: int
    misses: int
    entries: int
    refused_entries: int


@dataclass(frozen=True, slots=True)
class _Entry:
    principal: Principal
    good_until: float


class Memo:
    """Principals by the digest of their key, for a while.

    Args:
        clock: seconds from a monotonic clock.
        most_entries: bound of each kind; the oldest leaves first.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, most_entries: int = MOST_ENTRIES
    ) -> None:
        self._clock = clock
        self._most_entries = most_entries
        self._known: OrderedDict[bytes, _Entry] = OrderedDict()
        self._refused: OrderedDict[bytes, float] = OrderedDict()
        self._hits = self._refusals = self._misses = 0
        self.generation = 0

    def find(self, digest: bytes) -> Principal | Refusal | None:
        """Return what is remembered of a key, None where the database must be asked."""
        entry = self._known.get(digest)
        if entry is not None and entry.good_until > self._clock():
            self._hits += 1
            return entry.principal
        refused_until = self._refused.get(digest)
        if refused_until is not None and refused_until > self._clock():
            self._refusals += 1
            return REFUSED
        self._misses += 1
        return None

    def keep(
        self, digest: bytes, principal: Principal, lifetime_seconds: float, generation: int
    ) -> None:
        """Remember whose a key is, unless something was dropped since ``generation``.

        Args:
            digest: what stands for the key.
            principal: what the database said.
            lifetime_seconds: how long the key itself still lives; the memo may keep it less.
            generation: the memo's generation when the database was about to be asked.
        """
        if generation != self.generation:
            return
        self._refused.pop(digest, None)
        good_until = self._clock() + min(lifetime_seconds, KNOWN_SECONDS)
        self._known[digest] = _Entry(principal, good_until)
        self._known.move_to_end(digest)
        if len(self._known) > self._most_entries:
            self._known.popitem(last=False)

    def refuse(self, digest: bytes, generation: int) -> None:
        """Remember that a key is not honoured, unless something was dropped since."""
        if generation != self.generation:
            return
        self._known.pop(digest, None)
        self._refused[digest] = self._clock() + REFUSED_SECONDS
        self._refused.move_to_end(digest)
        if len(self._refused) > self._most_entries:
            self._refused.popitem(last=False)

    def drop_key(self, key_id: str) -> None:
        """Forget one key, and doubt every look-up under way."""
        self._drop(lambda principal: principal.key_id == key_id)

    def drop_account(self, account_id: int) -> None:
        """Forget every key of an account, and doubt every look-up under way."""
        self._drop(lambda principal: principal.account_id == account_id)

    def drop_all(self) -> None:
        """Forget everything, refusals too, and doubt every look-up under way."""
        self.generation += 1
        self._known.clear()
        self._refused.clear()

    def statistics(self) -> MemoStatistics:
        """Return the counts."""
        return MemoStatistics(
            self._hits, self._refusals, self._misses, len(self._known), len(self._refused)
        )

    def _drop(self, is_stale: Callable[[Principal], bool]) -> None:
        self.generation += 1
        for digest in [d for d, entry in self._known.items() if is_stale(entry.principal)]:
            del self._known[digest]
