"""Behind proxies that keep connections: every answer reaches the request that it belongs to."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from tests.http1.site import Caller, Message, Site, serving
from tests.proxies import PROXIES, proxy

CALLERS, REQUESTS = 32, 40


def sent(caller: int, number: int) -> tuple[bytes, bytes]:
    """Return a request and what its answer must be: every third body in chunks, some refused."""
    path, body = b"/%d-%d" % (caller, number), b"%d;\r\n" % number * (number * 97 % 800)
    if number % 3:
        framing = b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    else:
        chunks = (body[at : at + 500] for at in range(0, len(body), 500))
        framed = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
        framing = b"Transfer-Encoding: chunked\r\n\r\n%b0\r\n\r\n" % framed
    return b"POST %b HTTP/1.1\r\nHost: x\r\n%b" % (path, framing), path + body


async def ask_on(port: int, number_of_caller: int) -> None:
    """Ask again and again on one connection to the proxy."""
    caller = Caller(*await asyncio.open_connection("127.0.0.1", port))
    for number in range(REQUESTS):
        request, expected = sent(number_of_caller, number)
        caller.writer.write(request)
        head, _, body = (await caller.answer()).partition(b"\r\n\r\n")
        assert (head[:13], body) == (b"HTTP/1.1 200 ", expected)
    caller.writer.close()


def answer_some_later(message: Message) -> None:
    """Answer with what was sent, at once or some turns of the loop later."""
    if len(message.body) % 2:
        message.answer(message.body)
    else:
        asyncio.get_running_loop().call_later(0.001, message.answer, message.body)


@pytest.mark.parametrize("name", PROXIES)
async def test_each_of_many_callers_gets_its_own_answers(name: str, tmp_path: Path) -> None:
    site = Site(answer_some_later)
    bound = socket.create_server(("127.0.0.1", 0))
    async with serving(site, most_connections=200, bound=bound):
        with proxy(name, bound.getsockname()[1], tmp_path) as port:
            await asyncio.gather(*(ask_on(port, caller) for caller in range(CALLERS)))
    assert len(site.messages) == CALLERS * REQUESTS
    used = {id(message.connection) for message in site.messages}
    assert len(used) < CALLERS * REQUESTS // 10
