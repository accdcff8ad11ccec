"""What tests that speak HTTP share: a caller, a clock, a reader of the log."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPResponse

from cardiorisk.config import Settings
from cardiorisk.patients import patient
from cardiorisk.store import rows_accounts, rows_keys
from cardiorisk.store.database import Rows, open_database
from cardiorisk.store.values import AccountRecord
from tests.conformity import require_described

EXAMPLE: dict[str, Any] = dict(patient.EXAMPLE)
"""The assignment's own example; its rule gives no risk."""


class SettableClock:
    """Seconds since the epoch, moved by the test; it starts 12.25 s into a minute."""

    def __init__(self, now_seconds: float = 29_400_000 * 60 + 12.25) -> None:
        self.now_seconds = now_seconds

    def __call__(self) -> float:
        return self.now_seconds

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.now_seconds, UTC)

    def advance(self, **duration: float) -> None:
        self.now_seconds += timedelta(**duration).total_seconds()


@dataclass
class Caller:
    """Somebody with an HTTP client and, usually, a key; every answer is held to the description."""

    client: AsyncHTTPClient
    base_url: str
    key: str | None = None

    async def send(
        self,
        method: str,
        path: str,
        body: bytes | dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> HTTPResponse:
        sent_headers = dict(headers or {})
        if self.key is not None:
            sent_headers.setdefault("Authorization", self.key)
        response = await self.client.fetch(
            self.base_url + path,
            method=method,
            body=json.dumps(body).encode() if isinstance(body, dict) else body,
            headers=sent_headers,
            raise_error=False,
            follow_redirects=False,
            allow_nonstandard_methods=True,
        )
        require_described(response)
        return response

    async def assess(self, **changes: Any) -> HTTPResponse:
        return await self.send("POST", "/service", EXAMPLE | changes)


def document(response: HTTPResponse) -> Any:
    return json.loads(response.body)


def told(response: HTTPResponse) -> tuple[int, str]:
    """Return the status and the code of a failure."""
    return response.code, document(response)["code"]


def entries(text: str) -> list[dict[str, Any]]:
    """Return the lines of a log that are no checkpoints."""
    members = [json.loads(line) for line in text.splitlines()]
    return [one for one in members if "checkpoint" not in one]


@dataclass
class Bitacora:
    """The log as a reader sees it."""

    path: Path

    def lines(self) -> list[dict[str, Any]]:
        return entries(self.path.read_text())

    def last(self) -> dict[str, Any]:
        return self.lines()[-1]


@contextmanager
def changing(settings: Settings) -> Iterator[Rows]:
    """Begin a transaction on a connection of its own, as another process would."""
    with open_database(settings.database_url) as database, database.writing() as rows:
        yield rows


def create_key(settings: Settings, account: str, plan: str, limit: int | None = None) -> str:
    now = datetime.now(UTC)
    with changing(settings) as rows:
        account_id = rows_accounts.find_or_create(rows, account, plan, now)
        return rows_keys.create(rows, account_id, now, limit=limit).key


def change_account(
    settings: Settings, name: str, change: Callable[..., AccountRecord], **values: Any
) -> None:
    """Do with the account of this name what a function of ``rows_accounts`` does."""
    with changing(settings) as rows:
        change(rows, rows_accounts.require_id(rows, name), now=datetime.now(UTC), **values)


@contextmanager
def taking_at_most(seconds: float) -> Iterator[None]:
    """Hold what is done to so much of the processor's time, garbage collection left out."""
    gc.disable()
    began_s = process_time()
    try:
        yield
        took_s = process_time() - began_s
    finally:
        gc.enable()
    assert took_s < seconds


def cardiorisk(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line on the same database."""
    return subprocess.run(
        [sys.executable, "-m", "cardiorisk", *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"CARDIORISK_DATABASE_URL": settings.database_url},
    )
