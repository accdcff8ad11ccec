"""Nothing is changed whose answer could not be given."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from cardiorisk.store import rows_accounts
from tests.support import EXAMPLE, changing, document

if TYPE_CHECKING:
    from pathlib import Path

    from cardiorisk.config import Settings
    from tests.support import Caller

ANA = {"username": "ana-2", "password": "correct horse battery", "email": "ana@example.org"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A log on a disk that is full."""
    log = settings.log_dir / "bitacora.jsonl"
    log.parent.mkdir()
    log.symlink_to("/dev/full")
    return settings


async def test_no_account_is_made_while_the_log_cannot_be_written(
    stranger: Caller, settings: Settings
) -> None:
    assert (await stranger.send("GET", "/healthz")).code == 503
    response = await stranger.send("POST", "/register", ANA)
    assert document(response)["code"] == "log-unavailable"
    with changing(settings) as rows:
        assert rows_accounts.list_accounts(rows, datetime.now(UTC)) == ()


async def test_no_assessment_is_kept_while_the_log_cannot_be_written(
    premium: Caller, stranger: Caller, settings: Settings, tmp_path: Path
) -> None:
    await premium.send("GET", "/healthz")
    assert (await premium.send("POST", "/predictions", EXAMPLE)).code == 503
    log = settings.log_dir / "bitacora.jsonl"
    log.rename(tmp_path / "full")
    log.write_text("")
    while (await stranger.send("GET", "/healthz")).code == 503:
        pass  # it is noticed within a second that the log was replaced
    assert document(await premium.send("GET", "/predictions"))["items"] == []
