"""Behind proxies that keep connections: every answer reaches the request that it belongs to."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.http1.site import Caller, Message, Site, serving
from tests.processes import require_program

CALLERS, REQUESTS = 32, 40

NGINX = """
daemon off;
pid {directory}/nginx.pid;
error_log stderr;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {directory};
  proxy_temp_path {directory};
  fastcgi_temp_path {directory};
  uwsgi_temp_path {directory};
  scgi_temp_path {directory};
  upstream service {{ server 127.0.0.1:{service}; keepalive 32; }}
  server {{
    listen 127.0.0.1:{proxy};
    location / {{
      proxy_pass http://service;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_request_buffering {buffering};
    }}
  }}
}}
"""
HAPROXY = """
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  http-reuse always
frontend callers
  bind 127.0.0.1:{proxy}
  default_backend service
backend service
  server service 127.0.0.1:{service} maxconn 16
"""
NGINX_ARGUMENTS = ("-e", "stderr", "-p", "{directory}", "-c", "{config}")
PROXIES = {
    "nginx": (NGINX, NGINX_ARGUMENTS, "on"),
    "nginx, unbuffered": (NGINX, NGINX_ARGUMENTS, "off"),
    "haproxy": (HAPROXY, ("-db", "-f", "{config}"), ""),
}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port: int = bound.getsockname()[1]
        return port


@contextmanager
def proxy(name: str, service: int, directory: Path) -> Iterator[int]:
    """Run a proxy before a port, and give its own."""
    config, arguments, buffering = PROXIES[name]
    program = name.partition(",")[0]
    path, port = directory / "proxy.conf", free_port()
    path.write_text(
        config.format(directory=directory, service=service, proxy=port, buffering=buffering)
    )
    found = require_program(program, f"apt-get install {program}")
    command = [found, *(each.format(directory=directory, config=path) for each in arguments)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        wait_until_it_listens(process, port)
        yield port
    finally:
        process.terminate()
        process.communicate(timeout=10)


def wait_until_it_listens(process: subprocess.Popen[bytes], port: int) -> None:
    ends_at = time.monotonic() + 10
    while time.monotonic() < ends_at:
        assert process.poll() is None, process.communicate()[1]
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise AssertionError("it does not listen")


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
