"""nginx and haproxy before a port, as operators run them."""

from __future__ import annotations

import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.processes import require_program

NGINX = """
daemon off;
pid {directory}/nginx.pid;
error_log stderr;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_max_body_size 0;
  client_body_buffer_size 4m;
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
      proxy_http_version {version};
      proxy_set_header Connection "";
      proxy_request_buffering {buffering};
    }}
  }}
}}
"""
HAPROXY = """
defaults
  mode http
  timeout connect 30s
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
    """Return a port that stays free: the system gives higher ones to whoever names none."""
    while True:
        port = 11_000 + secrets.randbelow(20_000)  # past 10080, which no browser opens
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@contextmanager
def proxy(name: str, service: int, directory: Path, version: str = "1.1") -> Iterator[int]:
    """Run a proxy before a port, and give its own; ``version`` is of nginx's HTTP to it."""
    config, arguments, buffering = PROXIES[name]
    program = name.partition(",")[0]
    path, port = directory / "proxy.conf", free_port()
    path.write_text(
        config.format(
            directory=directory, service=service, proxy=port, buffering=buffering, version=version
        )
    )
    found = require_program(program, f"apt-get install {program}")
    with _running([found, *arguments], path, directory, port):
        yield port


@contextmanager
def _running(arguments: list[str], config: Path, directory: Path, port: int) -> Iterator[None]:
    command = [each.format(directory=directory, config=config) for each in arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        wait_until_it_listens(process, port)
        yield
    finally:
        process.terminate()
        process.communicate(timeout=60)


def wait_until_it_listens(process: subprocess.Popen[bytes], port: int) -> None:
    ends_at = time.monotonic() + 60
    while time.monotonic() < ends_at:
        assert process.poll() is None, process.communicate()[1]
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise AssertionError("it does not listen")


EXAMPLES = Path(__file__).parent.parent / "docs" / "deploy"
_NGINX_AROUND = """
daemon off;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_buffer_size 4m;
  client_body_temp_path {directory};
  proxy_temp_path {directory};
  fastcgi_temp_path {directory};
  uwsgi_temp_path {directory};
  scgi_temp_path {directory};
  include {directory}/example.conf;
}}
"""


@contextmanager
def example(program: str, services: tuple[int, int], directory: Path) -> Iterator[int]:
    """Run the example of the documents before two ports, with a certificate of its own."""
    found = require_program(program, f"apt-get install {program}")
    openssl = require_program("openssl", "apt-get install openssl")
    key, certificate = directory / "cardiorisk.key", directory / "cardiorisk.crt"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-subj", "/CN=x", "-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    (directory / "cardiorisk.pem").write_text(certificate.read_text() + key.read_text())
    port = free_port()
    changes = {
        "listen 443": f"listen 127.0.0.1:{port}",
        "bind :443": f"bind 127.0.0.1:{port}",
        "/etc/ssl": str(directory),
        "127.0.0.1:8881": f"127.0.0.1:{services[0]}",
        "127.0.0.1:8882": f"127.0.0.1:{services[1]}",
    }
    text = (EXAMPLES / {"nginx": "nginx.conf", "haproxy": "haproxy.cfg"}[program]).read_text()
    for old, new in changes.items():
        text = text.replace(old, new)
    (directory / "example.conf").write_text(text)
    path = directory / "nginx.conf"
    path.write_text(_NGINX_AROUND.format(directory=directory))
    config = path if program == "nginx" else directory / "example.conf"
    with _running([found, *PROXIES[program][1]], config, directory, port):
        yield port
