"""What the store's tests share: a file of their own, a moment they can move, an open store."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from cardiorisk.store.records import Records
from cardiorisk.store.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


class SettableMoment:
    """A wall clock that stands still until the test moves it."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 22, 20, 47, 23, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, **duration: float) -> None:
        self.moment += timedelta(**duration)


class SettableSeconds:
    """A monotonic clock that stands still until the test moves it."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class OpenStore(Protocol):
    """Opens a store on the test's file for the length of a block."""

    def __call__(self, **options: Any) -> AbstractAsyncContextManager[Store]: ...


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.db"


@pytest.fixture
def url(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
def now() -> SettableMoment:
    return SettableMoment()


@pytest.fixture
def seconds() -> SettableSeconds:
    return SettableSeconds()


@pytest.fixture
def records(url: str, now: SettableMoment) -> Iterator[Records]:
    with Records.open(url, now) as opened:
        yield opened


@pytest.fixture
def open_store(url: str) -> OpenStore:
    @asynccontextmanager
    async def opened(**options: Any) -> AsyncIterator[Store]:
        store = Store.open(url, **options)
        try:
            yield store
        finally:
            await store.close()

    return opened
