"""``cardiorisk serve``: run the service in the foreground."""

import asyncio
import json
import logging
import os
import shlex
import shutil
import sys
from pathlib import Path

import click

from cardiorisk.cli.group import examples
from cardiorisk.cli.streams import tell_only
from cardiorisk.config import VERSION, Settings, load_settings
from cardiorisk.patients.patient import EXAMPLE

_logger = logging.getLogger(__name__)


class TerminalAnnouncer:
    """Tells on the terminal how far the start has come; see ``server.Announcer``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._key: str | None = None
        self._told = tell_only("stdout", waits=False)

    def listening(self, url: str) -> None:
        click.echo(f"cardiorisk {VERSION} listens on {url}")

    def loading(self) -> None:
        click.echo(f"Loading the network ({self._settings.engine})...")

    def first_key(self, key: str) -> None:
        self._key = key
        quota = self._settings.plans["freemium"]
        click.echo(
            f"\nThe database was empty, so it got an account, demo (freemium, {quota} requests a\n"
            "minute), with this key. It is shown only this once:\n\n"
            f"  {key}\n"
        )
        if not self._told.is_heard:
            _logger.warning(
                "the key of the account demo could not be shown on standard output; "
                "make another with: %s keys create --account demo",
                _program(),
            )

    def ready(self, url: str, model_version: str) -> None:
        path = url.removeprefix("unix:")
        browser = f" In a browser: {url}/" if path == url else ""
        click.echo(f"Ready, with the network {model_version}.{browser}")
        if path != url:
            url = f"--unix-socket {shlex.quote(path)} http://localhost"
        click.echo("Or assess a patient from here:\n")
        key = self._key or "YOUR_KEY"
        body = json.dumps(dict(EXAMPLE))
        click.echo(f"  curl {url}/service -H 'Authorization: {key}' -d '{body}'\n")
        if self._key is None:
            click.echo(f"Make a key with: {_program()} keys create --account NAME")
        click.echo("Stop with Ctrl-C.")

    def stopping(self) -> None:
        click.echo("Stopping: answering what is under way...")


def _program() -> str:
    """How the command is called from here, which need not be on the path."""
    beside_python = Path(sys.executable).with_name("cardiorisk")
    return "cardiorisk" if shutil.which("cardiorisk") else os.path.relpath(beside_python)


@click.command(
    epilog=examples(
        "cardiorisk serve --port 9000 --engine litert",
        "CARDIORISK_PLANS=premium=100,team=600 cardiorisk serve",
    )
)
@click.option(
    "--host",
    help="Address to listen on: 0.0.0.0 is every IPv4 address, :: every one, unix:PATH a socket "
    "in the file system.  [default: 127.0.0.1]",
)
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one.  [default: 8888]")
@click.option(
    "--engine",
    type=click.Choice(["keras", "litert"]),
    help="What runs the network. keras is TensorFlow itself: it starts in about five seconds "
    "and takes 0.7 GB. litert runs the same network converted: it starts in a second, takes 0.1 GB "
    "and answers faster, equal to within 0.0001.  [default: keras]",
)
def serve(host: str | None, port: int | None, engine: str | None) -> None:
    """Run the service until Ctrl-C or SIGTERM.

    On an empty database it makes an account, demo, and prints its key once, with a curl line to
    try it. Every request is written to logs/bitacora.jsonl before it is answered.

    Everything that can be set, by CARDIORISK_* variables or in cardiorisk.toml, is described in
    docs/settings.md. A signal stops the listening, lets answers under way finish (ten seconds at
    most) and closes the log and the database; a second signal does not wait.
    """
    from cardiorisk.server import serve as run  # noqa: PLC0415 - it takes 0.4 s, and --help need not

    settings = load_settings({"host": host, "port": port, "engine": engine})
    tell_only("stderr", waits=False)  # the event loop must not wait for who reads it
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(run(settings, TerminalAnnouncer(settings)))
