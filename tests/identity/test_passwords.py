"""Passwords: hashed on threads of their own, bounded, and checked in the same time for anybody."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Literal

import pytest
from argon2 import PasswordHasher, extract_parameters

from cardiorisk.errors import NotReady, Overloaded
from cardiorisk.identity.passwords import Passwords

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    with closing(Passwords(CHEAP, most_waiting=2)) as opened:
        yield opened


class HeldHasher(PasswordHasher):
    """A cheap hasher whose threads wait until it is released; it keeps what it verified."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.release = threading.Event()
        self.verified: list[str] = []

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        if threading.current_thread() is not threading.main_thread():
            self.release.wait()
        return super().hash(password, salt=salt)

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - the base class's
        self.verified.append(str(hash))
        return super().verify(hash, password)


@pytest.fixture
def held() -> Iterator[HeldHasher]:
    hasher = HeldHasher()
    yield hasher
    hasher.release.set()


def test_a_hash_is_argon2id_at_the_costs_that_are_stated() -> None:
    with closing(Passwords()) as passwords:
        found = asyncio.run(passwords.hash("correct horse"))
    parameters = extract_parameters(found)
    assert found.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert (parameters.salt_len, parameters.hash_len) == (16, 32)


async def test_the_password_that_was_hashed_matches_and_no_other(passwords: Passwords) -> None:
    stored = await passwords.hash("contrase\u00f1a")
    # How an accent was typed makes no difference.
    assert await passwords.matches("contrase\u00f1a", stored)
    assert await passwords.matches("contrasen\u0303a", stored)
    for other in ("contrase\u00f1A", "contrase\u00f1a ", "", "x" * 10_000, "\ud800"):
        assert not await passwords.matches(other, stored)
    assert await passwords.hash("contrase\u00f1a") != stored


async def test_where_there_is_no_hash_nothing_matches_and_the_same_work_is_done(
    held: HeldHasher,
) -> None:
    with closing(Passwords(held)) as passwords:
        assert not await passwords.matches("correct horse", None)
        (nobodys,) = held.verified
        assert extract_parameters(nobodys) == extract_parameters(CHEAP.hash("x"))
        assert await passwords.matches("correct horse", CHEAP.hash("correct horse"))


@pytest.mark.parametrize("stored", ["", "text", "$argon2id$v=19$m=8,t=1,p=1$c2FsdA", "$2b$12$x"])
async def test_what_is_no_hash_matches_nothing(passwords: Passwords, stored: str) -> None:
    assert not await passwords.matches("correct horse", stored)


def test_a_hash_at_other_costs_is_outdated(passwords: Passwords) -> None:
    dearer = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1)
    assert passwords.is_outdated(dearer.hash("x"))
    assert not passwords.is_outdated(CHEAP.hash("x"))


async def test_more_passwords_than_may_wait_are_sent_away_while_the_loop_runs(
    held: HeldHasher,
) -> None:
    with closing(Passwords(held, most_waiting=2)) as passwords:
        waiting = [asyncio.create_task(passwords.hash("x")) for _ in range(9)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await passwords.matches("x", None)
        held.release.set()
        done = await asyncio.gather(*waiting, return_exceptions=True)
        assert 3 <= sum(isinstance(outcome, str) for outcome in done) <= 4  # one or two threads
        assert not await passwords.matches("x", None)


async def test_closed_once_or_twice_no_password_is_taken(passwords: Passwords) -> None:
    passwords.close()
    passwords.close()
    with pytest.raises(NotReady):
        await passwords.hash("x")
