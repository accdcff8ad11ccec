"""The memo: who the latest keys belong to, so that a request seldom asks the database.

Known and refused keys are kept apart, so that a flood of made-up keys cannot push a good one out.
What a look-up read may be made stale while it is under way: a drop raises the ``generation``, and
the result of an earlier one is not kept. See decision 0007.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum
from functools import partial
from hashlib import sha256
from typing import Annotated, Final, TypeAlias

from pydantic import Field as Member

from cardiorisk.errors import Overloaded
from cardiorisk.identity.keys import Principal
from cardiorisk.store.values import Credential

Lookup: TypeAlias = "asyncio.Future[Credential | None]"

KNOWN_SECONDS = 60.0
REFUSED_SECONDS = 2.0
MOST_ENTRIES = 16_384
"""Of each kind; about 400 bytes each."""


class Refusal(Enum):
    REFUSED = "refused"


REFUSED: Final = Refusal.REFUSED


@dataclass(frozen=True, slots=True)
class MemoStatistics:
    """What was asked since the start, and what is held now, over or not."""

    hits: Annotated[int, Member(description="Look-ups that it answered")]
    refusals: Annotated[int, Member(description="Look-ups that it refused")]
    misses: Annotated[int, Member(description="Look-ups that the database answered")]
    known: Annotated[int, Member(description="Valid credentials in it")]
    refused: Annotated[int, Member(description="Refused credentials in it")]


def digest(key: str) -> bytes:
    """Return what is stored of a key: its SHA-256, 32 bytes. Any text is accepted."""
    return sha256(key.encode("utf-8", "surrogatepass")).digest()


class Memo:
    """Principals by the digest of their key, for a while; the oldest leaves first."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, most_entries: int = MOST_ENTRIES
    ) -> None:
        self._clock = clock
        self._most_entries = most_entries
        self._known: OrderedDict[bytes, tuple[Principal, float]] = OrderedDict()
        self._refused: OrderedDict[bytes, float] = OrderedDict()
        """Of each: until when it is good, by the clock."""
        self._hits = self._refusals = self._misses = 0
        self.generation = 0

    def find(self, digest: bytes) -> Principal | Refusal | None:
        """Return what is remembered of a key, None where the database must be asked."""
        entry = self._known.get(digest)
        if entry is not None and entry[1] > self._clock():
            self._hits += 1
            return entry[0]
        refused_until = self._refused.get(digest)
        if refused_until is not None and refused_until > self._clock():
            self._refusals += 1
            return REFUSED
        self._misses += 1
        return None

    def keep(self, digest: bytes, found: Credential | None, generation: int) -> None:
        """Remember what was found, if nothing was dropped since the generation of the question."""
        if generation != self.generation:
            return
        self._known.pop(digest, None)
        self._refused.pop(digest, None)
        kept: OrderedDict[bytes, tuple[Principal, float]] | OrderedDict[bytes, float]
        if found is None:
            kept = self._refused
            kept[digest] = self._clock() + REFUSED_SECONDS
        else:
            kept = self._known
            good_until = self._clock() + min(found.lifetime_seconds, KNOWN_SECONDS)
            kept[digest] = found.principal, good_until
        if len(kept) > self._most_entries:
            kept.popitem(last=False)

    def drop(self, account_ids: AbstractSet[int]) -> None:
        """Forget what is these accounts', if any, and doubt every look-up under way."""
        if not account_ids:
            return
        self.generation += 1
        for digest, (principal, _) in list(self._known.items()):
            if principal.account_id in account_ids:
                del self._known[digest]

    def drop_all(self) -> None:
        """Forget everything, refusals too, and doubt every look-up under way."""
        self.generation += 1
        self._known.clear()
        self._refused.clear()

    def statistics(self) -> MemoStatistics:
        return MemoStatistics(
            self._hits, self._refusals, self._misses, len(self._known), len(self._refused)
        )


class Lookups:
    """Look-ups of what the memo does not know, shared by who ask within one generation."""

    def __init__(self, memo: Memo, most: int) -> None:
        self._memo = memo
        self._most = most
        self._waiting: dict[tuple[int, bytes], Lookup] = {}

    def share(self, digest: bytes, begin: Callable[[], Lookup]) -> Lookup:
        """Return the look-up of a key that is under way, or begin it."""
        generation = self._memo.generation
        lookup = self._waiting.get((generation, digest))
        if lookup is None:
            if len(self._waiting) >= self._most:
                raise Overloaded("too many keys are being looked up; try again in a second")
            lookup = begin()
            self._waiting[generation, digest] = lookup
            lookup.add_done_callback(partial(self._remember, generation, digest))
        return lookup

    def _remember(self, generation: int, digest: bytes, lookup: Lookup) -> None:
        del self._waiting[generation, digest]
        if lookup.exception() is None:
            self._memo.keep(digest, lookup.result(), generation)
