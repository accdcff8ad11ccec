"""The output is whole or not there, with the usual permissions, and called as the user calls it."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from select import select

import pytest

from cardiorisk.files.columns import Reading
from cardiorisk.files.table import Batch, open_table
from cardiorisk.patients.patient import FIELDS
from cardiorisk.scoring.output import score_table
from cardiorisk.scoring.scorer import Scorer
from tests.processes import until

PATIENTS = "colesterol,presion,glucosa,edad,sobrepeso,tabaquismo\n2.0,1.2,1.0,40,1,1\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.csv"
    path.write_text(PATIENTS)
    return path


@pytest.fixture
def umask() -> Iterator[int]:
    before = os.umask(0o027)
    yield 0o027
    os.umask(before)


def score_file(source: Path, target: Path, scorer: Scorer) -> Generator[Batch, None, None]:
    with open_table(source, FIELDS, Reading()) as table:
        yield from score_table(table, target, scorer)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_an_output_that_is_replaced_keeps_its_permissions(source: Path, scorer: Scorer) -> None:
    target = source.with_name("out.csv")
    target.touch()
    target.chmod(0o604)
    list(score_file(source, target, scorer))
    assert mode_of(target) == 0o604
    assert target.stat().st_size


def test_a_new_output_has_the_usual_permissions(source: Path, scorer: Scorer, umask: int) -> None:
    target = source.with_name("out.csv")
    list(score_file(source, target, scorer))
    assert mode_of(target) == 0o666 & ~umask


def test_an_unfinished_output_is_no_opener_than_what_it_replaces_and_goes_when_closed(
    source: Path, scorer: Scorer
) -> None:
    target = source.with_name("out.csv")
    target.touch(0o600)
    steps = score_file(source, target, scorer)
    next(steps)
    (unfinished,) = source.parent.glob(".out.csv.*.part")
    assert mode_of(unfinished) == 0o600
    steps.close()
    assert (sorted(source.parent.iterdir()), target.read_bytes()) == ([source, target], b"")


def test_a_target_that_cannot_be_opened_is_named_as_given(source: Path, scorer: Scorer) -> None:
    target = source.with_name("missing") / "out.csv"
    with pytest.raises(FileNotFoundError) as raised:
        list(score_file(source, target, scorer))
    assert raised.value.filename == str(target)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_target_that_is_full_is_named(source: Path, scorer: Scorer) -> None:
    with pytest.raises(OSError, match="No space left") as raised:
        list(score_file(source, Path("/dev/full"), scorer))
    assert raised.value.filename == "/dev/full"


def test_a_pipe_is_given_every_row_where_a_write_is_interrupted(
    source: Path, scorer: Scorer
) -> None:
    source.write_text(PATIENTS + PATIENTS.splitlines(keepends=True)[1] * 20_000)
    target = source.with_name("out.csv")
    list(score_file(source, target, scorer))
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "cardiorisk", "score", str(source), "-"]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with os.fdopen(reading, "rb") as taken:
        run = subprocess.Popen(command, stdout=writing, stderr=subprocess.PIPE, env=environment)
        try:
            until(lambda: not select([], [writing], [], 0)[1])  # the pipe is full
            run.send_signal(signal.SIGSTOP)
            os.waitpid(run.pid, os.WUNTRACED)
            run.send_signal(signal.SIGCONT)
        finally:
            os.close(writing)
        assert taken.read() == target.read_bytes()
        said = run.communicate()[1]
    assert run.returncode == 0, said
