"""The group of all commands: finds one when it is called, and words its failures.

A failure becomes an exit status here and nowhere else: one line on standard error and 1, without
a traceback. An error nobody foresaw keeps its traceback.
"""

import contextlib
import errno
import os
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import IO, Any

import click

from cardiorisk.errors import InvalidAccount, ServiceError, UnknownAccount, UnknownKey

_HINTS = {
    UnknownAccount.code: "; see `cardiorisk accounts list`",
    UnknownKey.code: "; see `cardiorisk keys list`",
}


class WholeNumber(click.IntRange):
    """A number in a range, which click itself calls "a valid integer range" when it is none."""

    name = "whole number"


class CommandFailure(click.ClickException):
    """A command could not do what it was asked to; its message is one line."""

    def show(self, file: IO[Any] | None = None) -> None:
        line = " ".join(self.format_message().split())
        click.echo(f"cardiorisk: {line}", file=file, err=file is None)


class LazyGroup(click.Group):
    """Commands that are imported when they are called.

    Args:
        summaries: one line for each command, shown without importing it.
        attributes: what every click group takes.
    """

    def __init__(self, summaries: Mapping[str, str], **attributes: Any) -> None:
        super().__init__(**attributes)
        self._summaries = summaries

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the base class's signature
        return list(self._summaries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the base class's signature
        if cmd_name not in self._summaries:
            return None
        command: click.Command = getattr(import_module(f"cardiorisk.cli.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - the base class's signature
        with formatter.section("Commands"):
            formatter.write_dl(list(self._summaries.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ServiceError as error:
            said = str(error)
            if isinstance(error, InvalidAccount):
                said = "; ".join(f"{fault.field} {fault.detail}" for fault in error.faults)
            raise CommandFailure(f"{said}{_HINTS.get(error.code, '')}") from error
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # click ends quietly when the reader of a pipe has had enough
            abandon_stdout()
            place = f"{error.filename}: " if error.filename else ""
            raise CommandFailure(f"{place}{error.strerror or error}") from error


def abandon_stdout() -> None:
    """Let what could not be written go nowhere, so that the exit does not try it again.

    Source: https://docs.python.org/3/library/signal.html#note-on-sigpipe
    """
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        return
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
