"""The door to argon2: passwords are hashed and checked on threads of their own."""

import os
import secrets
import unicodedata
from functools import partial

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from cardiorisk.workers import Rank, Turns, Worker

PASSES, MEMORY_KIB, LANES = 2, 19 * 1024, 1
"""20 ms. Source: OWASP Password Storage Cheat Sheet, argon2id with its least memory. By RFC 9106's
64 MiB and three passes, 170 ms here, a few logins at once would hold the service up."""
MOST_WAITING = 32  # under a second of work for one thread


class Passwords:
    """Hashes and checks passwords, a few at a time; call it on the event loop only."""

    def __init__(
        self, hasher: PasswordHasher | None = None, most_waiting: int = MOST_WAITING
    ) -> None:
        self._hasher = hasher or PasswordHasher(PASSES, MEMORY_KIB, LANES)
        self._nobodys_hash = self._hasher.hash(secrets.token_bytes())
        # Half of the processors at most: the event loop and the network need theirs.
        threads = max(1, min(2, (os.cpu_count() or 1) // 2))
        busy = "too many passwords are being checked; try again in a second"
        self.turns = Turns(threads, most_waiting, busy)
        self._worker = Worker("passwords", threads + most_waiting, busy, threads)

    async def hash(self, password: str, who: str = "", rank: Rank = Rank.NEWCOMER) -> str:
        async with self.turns.turn(who, rank):
            return await self._worker.run(partial(self._hasher.hash, _bytes(password)))

    async def matches(
        self, password: str, password_hash: str | None, who: str = "", rank: Rank = Rank.STRANGER
    ) -> bool:
        """Without a hash, take the same time, so that the time tells nothing."""
        known = password_hash or self._nobodys_hash
        check = partial(_is_same, self._hasher, known, _bytes(password))
        async with self.turns.turn(who, rank):
            is_same = await self._worker.run(check)
        return is_same and password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        return self._hasher.check_needs_rehash(password_hash)

    def close(self) -> None:
        self._worker.close(drops_waiting=True)


def _bytes(password: str) -> bytes:
    """The same ones however its accents were typed."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


def _is_same(hasher: PasswordHasher, password_hash: str, password: bytes) -> bool:
    try:
        return hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
