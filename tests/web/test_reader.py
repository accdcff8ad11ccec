"""A body over the limit: a 413 with its line in the log, however it is sent, and no memory."""

from __future__ import annotations

import asyncio
import gzip
import json

import pytest

from cardiorisk.app import make_app
from cardiorisk.config import Settings
from cardiorisk.http1.connection import BODY_SECONDS
from cardiorisk.routes import CardioriskApplication
from cardiorisk.web.handlers import LoggedHandler
from cardiorisk.web.tornado_inside import BODY_LIMIT_BYTES
from tests.http1 import site
from tests.support import EXAMPLE, Bitacora, Caller, SettableClock, create_key, document

PADDED = json.dumps(EXAMPLE).encode()


async def connected(port: int) -> site.Caller:
    return site.Caller(*await asyncio.open_connection("127.0.0.1", port))


def head(key: str | None, *headers: str, path: str = "/service") -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Authorization: {key}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def test_a_body_of_exactly_the_limit_is_read(premium: Caller) -> None:
    response = await premium.send("POST", "/service", PADDED.ljust(BODY_LIMIT_BYTES))
    assert response.code == 200


@pytest.mark.parametrize("size", [BODY_LIMIT_BYTES + 1, 1_000_000, 2_000_000])
async def test_a_longer_one_is_refused_and_logged(
    premium: Caller, bitacora: Bitacora, size: int
) -> None:
    response = await premium.send("POST", "/service", PADDED.ljust(size))
    assert response.code == 413
    assert document(response)["code"] == bitacora.last()["code"] == "body-too-large"
    assert response.headers["RateLimit"] == '"premium";r=49;t=48'


@pytest.mark.parametrize(
    ("coding", "status"),
    [
        ("gzip", 415),
        ("GZIP", 415),
        ("br", 415),
        ("identity, gzip", 415),
        ("", 415),
        ("Identity", 200),
    ],
)
async def test_a_coded_body_is_refused(
    premium: Caller, bitacora: Bitacora, coding: str, status: int
) -> None:
    body = gzip.compress(PADDED) if "gz" in coding else PADDED
    response = await premium.send("POST", "/service", body, {"Content-Encoding": coding})
    assert response.code == bitacora.last()["status"] == status
    if status == 415:
        assert document(response)["code"] == "unsupported-coding"
        assert response.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    "beginning",
    [
        (f"Content-Length: {len(PADDED)}", PADDED[:-1]),
        ("Transfer-Encoding: chunked", b"2\r\n{}\r\n"),
    ],
)
@pytest.mark.parametrize("sync", ["os", "disk"])
async def test_a_body_that_never_arrives_is_answered_and_in_the_log(
    settings: Settings, beginning: tuple[str, bytes], sync: str
) -> None:
    clock, key = SettableClock(), create_key(settings, "ana", "premium")
    app = make_app(settings.model_copy(update={"bitacora_sync": sync}))
    await app.services.start()
    try:
        async with site.serving(app, clock=clock) as (listener, connect):
            caller = await connect()
            await caller.send(head(key, beginning[0]), beginning[1])
            await site.until(lambda: app.services.traffic.open_requests == 1)
            clock.advance(seconds=BODY_SECONDS)
            for _ in range(2):
                listener.close_overdue()  # once more, as where the answer has to wait
            assert (await caller.answer()).startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        line = Bitacora(settings.log_dir / "bitacora.jsonl").last()
        assert (line["status"], line["code"], line["route"]) == (408, "body-timeout", "/service")
        assert line["plan"] == "premium"
        assert app.services.traffic.open_requests == 0
    finally:
        await app.services.close()
        await app.services.predictor.close()


async def test_a_connection_lives_on_after_a_refused_body_was_drained(
    premium: Caller, http_port: int
) -> None:
    small = head(premium.key, f"Content-Length: {len(PADDED)}") + PADDED
    caller = await connected(http_port)
    await caller.send(head(premium.key, "Content-Length: 100000") + b" " * 100_000, small)
    answers = [await caller.answer() for _ in range(2)]
    assert [answer[:12] for answer in answers] == [b"HTTP/1.1 413", b"HTTP/1.1 200"]
    caller.writer.close()


async def test_a_length_that_lies_beyond_belief_is_answered_before_the_body(
    premium: Caller, http_port: int, bitacora: Bitacora
) -> None:
    caller = await connected(http_port)
    await caller.send(head(premium.key, f"Content-Length: {10**18}"))
    received = await caller.rest()
    assert received.startswith(b"HTTP/1.1 413")
    assert received.count(b"HTTP/1.1") == 1
    assert bitacora.last()["status"] == 413
    caller.writer.close()


async def test_a_chunked_body_is_bounded_too(
    premium: Caller, http_port: int, bitacora: Bitacora
) -> None:
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    small = f"{len(PADDED):x}\r\n".encode() + PADDED + b"\r\n0\r\n\r\n"
    for chunks, code in ([chunk] * 40, b"413"), ([small], b"200"):
        caller = await connected(http_port)
        await caller.send(head(premium.key, "Transfer-Encoding: chunked"), *chunks)
        assert (await caller.answer()).startswith(b"HTTP/1.1 " + code)
        caller.writer.close()
    assert [line["status"] for line in bitacora.lines()] == [413, 200]


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"POST /service HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\nx\r\n",
        b"POST /service HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na",
    ],
)
@pytest.mark.usefixtures("http_server")
async def test_what_does_not_become_a_request_is_counted_out_again(
    app: CardioriskApplication, http_port: int, sent: bytes
) -> None:
    caller = await connected(http_port)
    await caller.send(sent)
    caller.writer.write_eof()
    await caller.end()
    await site.until(lambda: app.services.traffic.open_requests == 0)
    caller.writer.close()


@pytest.mark.parametrize(
    ("name", "fault"), [("initialize", None), ("every_answer", (("Name", "a\nb"),))]
)
@pytest.mark.usefixtures("http_server")
async def test_a_request_that_cannot_be_begun_or_answered_is_counted_out_again(
    app: CardioriskApplication,
    http_port: int,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    fault: object,
) -> None:
    monkeypatch.setattr(LoggedHandler, name, fault)
    caller = await connected(http_port)
    await caller.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert await caller.rest() == b""
    assert app.services.traffic.open_requests == 0
    caller.writer.close()


@pytest.mark.parametrize(
    ("path", "body"),
    [("/service", PADDED), ("/service/lote", b'{"pacientes": [%b]}' % PADDED)],
)
async def test_a_caller_who_hangs_up_while_assessed_is_logged_as_gone(
    premium: Caller,
    app: CardioriskApplication,
    http_port: int,
    bitacora: Bitacora,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    body: bytes,
) -> None:
    held: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    has_arrived = asyncio.Event()

    def hold(_: object) -> asyncio.Future[None]:
        has_arrived.set()
        return held

    for name in ("assess", "assess_batch"):
        monkeypatch.setattr(app.services.predictor, name, hold)
    _, writer = await asyncio.open_connection("127.0.0.1", http_port)
    writer.write(head(premium.key, f"Content-Length: {len(body)}", path=path) + body)
    await has_arrived.wait()
    writer.close()
    await site.until(lambda: app.services.traffic.open_requests == 0)
    assert held.cancelled()
    line = bitacora.last()
    assert (line["status"], line["code"]) == (499, "client-closed")
