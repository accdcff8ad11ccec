"""With ``bitacora_sync = disk``, an answer waits until its line is on the disk."""

from __future__ import annotations

import asyncio
import errno
import os

import pytest

from cardiorisk.config import Settings
from cardiorisk.routes import CardioriskApplication
from cardiorisk.web.handlers import LoggedHandler
from tests.http1.site import until
from tests.support import Bitacora, Caller, told


class Disk:
    """What ``os.fsync`` asks; it refuses where a test says so."""

    def __init__(self) -> None:
        self.fault: OSError | None = None

    def sync(self, _file: int) -> None:
        if self.fault is not None:
            raise self.fault


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(os, "fsync", disk.sync)
    return disk


@pytest.fixture
def settings(settings: Settings, disk: Disk) -> Settings:  # noqa: ARG001 - made first
    return settings.model_copy(update={"bitacora_sync": "disk"})


async def test_an_assessment_is_answered(premium: Caller, bitacora: Bitacora) -> None:
    assert (await premium.assess()).code == 200
    assert bitacora.last()["status"] == 200


async def test_a_disk_that_refuses_gives_503_and_a_line_that_takes_the_answer_back(
    premium: Caller, app: CardioriskApplication, bitacora: Bitacora, disk: Disk
) -> None:
    disk.fault = OSError(errno.EIO, os.strerror(errno.EIO))
    response = await premium.assess()
    disk.fault = None
    assert told(response) == (503, "log-unavailable")
    given, taken_back = bitacora.lines()
    assert given["request_id"] == taken_back["request_id"]
    assert (given["status"], taken_back["status"]) == (200, 503)
    assert taken_back["riesgo_cardiaco"] is None
    counted = {series: count for series, count in app.services.metrics.requests.items() if count}
    assert counted == {("POST", "/service", 503): 1}


@pytest.mark.usefixtures("http_server")
async def test_an_answer_that_cannot_be_sent_is_told_and_counted_out(
    http_port: int,
    app: CardioriskApplication,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(LoggedHandler, "every_answer", (("Name", "two\nlines"),))
    _, writer = await asyncio.open_connection("127.0.0.1", http_port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    await until(lambda: "was not answered" in caplog.text)
    assert app.services.traffic.open_requests == 0
    writer.close()
