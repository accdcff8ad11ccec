"""The memo: who the latest keys belong to, so that a request seldom asks the database.

Refused keys are kept apart, so that a flood of made-up ones cannot push a good one out. A look-up
may be stale when it ends: a drop raises the ``generation``, and no earlier result is kept.
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
MOST_ENTRIES = 16_384  # of each kind; about 400 bytes each
MOST_LOOKUPS = 1_000  # that may wait, 0.2 s at most: each takes a fifth of a millisecond


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
        # Of each: until when it is good, by the clock.
        self._known: OrderedDict[bytes, tuple[Principal, float]] = OrderedDict()
        self._refused: OrderedDict[bytes, float] = OrderedDict()
        self._lookups: dict[tuple[int, bytes], Lookup] = {}  # by the generation of the question
        self._hits = self._refusals = self._misses = 0
        self.generation = 0

    def find(self, digest: bytes) -> Principal | Refusal | None:
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

    def share(self, digest: bytes, begin: Callable[[], Lookup]) -> Lookup:
        """Return the look-up of a key that is under way in this generation, or begin it."""
        place = self.generation, digest
        lookup = self._lookups.get(place)
        if lookup is None:
            if len(self._lookups) >= MOST_LOOKUPS:
                raise Overloaded("too many keys are being looked up; try again in a second")
            lookup = self._lookups[place] = begin()
            lookup.add_done_callback(partial(self._remember, *place))
        return lookup

    def keep(self, digest: bytes, found: Credential | None, generation: int) -> None:
        """Remember what was found, if nothing was dropped since the generation of the question."""
        if generation != self.generation:
            return
        self._known.pop(digest, None)
        self._refused.pop(digest, None)
        if found is None:
            self._refused[digest] = self._clock() + REFUSED_SECONDS
        else:
            good_until = self._clock() + min(found.lifetime_seconds, KNOWN_SECONDS)
            self._known[digest] = found.principal, good_until
        for kept in (self._known, self._refused):
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
        self.generation += 1
        self._known.clear()
        self._refused.clear()

    def statistics(self) -> MemoStatistics:
        return MemoStatistics(
            self._hits, self._refusals, self._misses, len(self._known), len(self._refused)
        )

    def _remember(self, generation: int, digest: bytes, lookup: Lookup) -> None:
        del self._lookups[generation, digest]
        if lookup.exception() is None:
            self.keep(digest, lookup.result(), generation)
