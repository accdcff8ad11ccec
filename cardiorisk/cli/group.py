"""The group of all commands: finds one when it is called, and words its failures in one line.

An error nobody foresaw keeps its traceback.
"""

import signal
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import IO, Any

import click

from cardiorisk.cli import streams
from cardiorisk.errors import InvalidAccount, ServiceError

_HINTS = {
    "unknown-account": "; see `cardiorisk accounts list`",
    "unknown-key": "; see `cardiorisk keys list`",
}
_ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class WholeNumber(click.IntRange):
    name = "whole number"  # click itself says "a valid integer range"


class CommandFailure(click.ClickException):
    def __init__(self, message: str, program: str = "cardiorisk") -> None:
        super().__init__(message)
        self._program = program

    def show(self, file: IO[Any] | None = None) -> None:
        line = " ".join(self.format_message().split())
        click.echo(f"{self._program}: {line}", file=file, err=file is None)


class Program(click.Command):
    """What a process is started for; the name it was given stands before its failures."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        streams.secure()
        for number in _ENDING_SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup has it ignored
                signal.signal(number, _end)
        try:
            # It ends quietly when the reader of a pipe has had enough.
            return super().main(*arguments, **options)
        except ServiceError as error:
            said = str(error)
            if isinstance(error, InvalidAccount):
                said = "; ".join(f"{fault.field} {fault.detail}" for fault in error.faults)
            reason = f"{said}{_HINTS.get(error.code, '')}"
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            reason = f"{place}{error.strerror or error}"
        finally:
            streams.abandon_stdout()
        failure = CommandFailure(reason, self.name or "cardiorisk")
        failure.show()
        sys.exit(failure.exit_code)


def _end(number: int, _frame: object) -> None:
    """End as a failure does, so that nothing half made is left behind."""
    for each in _ENDING_SIGNALS:
        signal.signal(each, signal.SIG_IGN)  # a second one must not end the tidying
    sys.exit(128 + number)


class LazyGroup(Program, click.Group):
    """Commands that are imported when they are called; ``summaries`` has a line for each."""

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


def examples(*lines: str) -> str:
    """Write the end of a command's help."""
    return "\b\nExamples:\n  " + "\n  ".join(lines)


def require_stdout(what: str) -> None:
    """Check, before there is something to be shown only there, that it can be."""
    if sys.stdout is None:  # Python's way to say that the descriptor was closed at the start
        raise CommandFailure(f"standard output is closed, so {what} could not be shown")
