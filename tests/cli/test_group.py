"""The command line as a whole: its help, its speed, and how it words what failed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version

import click
import pytest

from cardiorisk.__main__ import SUMMARIES, main
from cardiorisk.cli.group import LazyGroup
from cardiorisk.errors import Conflict
from tests.cli.conftest import Call

SLOW = ("pandas", "pyarrow", "matplotlib", "sklearn", "keras", "tensorflow", "tornado")
NOT_FOR_THE_LIST = ("sqlalchemy", "alembic", "pydantic", "numpy", "rich")


def _commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))


ALL_COMMANDS = sorted(_commands(main))


def test_help_names_every_command(call: Call) -> None:
    shown = call("--help").stdout
    assert all(f"\n  {name} " in shown for name in SUMMARIES)


@pytest.mark.parametrize("path", ALL_COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(call: Call, path: tuple[str, ...]) -> None:
    result = call(*path, "--help")
    assert (result.exit_code, result.stderr) == (0, "")
    if len(path) > 1 or path == ("serve",):
        assert f"cardiorisk {' '.join(path)}" in result.stdout.split("Example")[1]


@pytest.mark.parametrize("group", sorted({path[:1] for path in ALL_COMMANDS if len(path) > 1}))
def test_no_summary_of_a_command_is_cut_short(call: Call, group: tuple[str, ...]) -> None:
    assert "..." not in call(*group, "--help").stdout.split("Commands:")[1]


def test_version_is_the_packages(call: Call) -> None:
    assert call("--version").stdout == f"cardiorisk, version {version('cardiorisk')}\n"


def test_an_unknown_command_is_wrong_usage(call: Call) -> None:
    result = call("kyes")
    assert result.exit_code == 2
    assert "No such command 'kyes'" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        ("'--help'", SLOW + NOT_FOR_THE_LIST),
        *((f"'{name}', '--help'", SLOW) for name in SUMMARIES),
        ("'log', 'stats', '--help'", SLOW),
    ],
)
def test_help_imports_nothing_slow(arguments: str, unwanted: tuple[str, ...]) -> None:
    program = (
        "import sys\n"
        "from cardiorisk.__main__ import main\n"
        f"main([{arguments}], standalone_mode=False)\n"
        f"print([name for name in {unwanted} if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert result.stdout.splitlines()[-1] == "[]"


def _failing_with(error: Exception) -> click.Group:
    def fail() -> None:
        raise error

    return LazyGroup({}, callback=fail, invoke_without_command=True)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (Conflict("two\nlines"), "cardiorisk: two lines\n"),
        (PermissionError(13, "Permission denied", "logs"), "cardiorisk: logs: Permission denied\n"),
        (OSError("something"), "cardiorisk: something\n"),
    ],
    ids=["ours", "a file's", "unnumbered"],
)
def test_a_failure_is_worded_in_one_place(
    error: Exception, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        _failing_with(error).main([])
    assert (ended.value.code, capfd.readouterr().err) == (1, message)


def test_an_error_nobody_foresaw_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        _failing_with(ZeroDivisionError()).main([])


def test_a_module_without_its_command_is_a_fault_of_ours() -> None:
    group = LazyGroup({"options": "no command"})
    with pytest.raises(AttributeError):
        group.get_command(click.Context(group), "options")
