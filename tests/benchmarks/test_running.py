"""Real processes: the server that does nothing, and some that come to nothing."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import psutil
import pytest

from benchmarks import environments
from benchmarks.compare import BODY, Comparison, check_answers
from benchmarks.contestants import CONTESTANTS, Contestant
from benchmarks.environments import Skipped, require_environment
from benchmarks.generators import GENERATORS, Question, ask_ours
from benchmarks.running import Running, start
from cardiorisk.patients.patient import EXAMPLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BARE = CONTESTANTS[0]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def start_here(contestant: Contestant, directory: Path) -> Running:
    return start(contestant, free_port(), directory, directory / "none.onnx", BODY)


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Running]:
    server = start_here(BARE, tmp_path)
    yield server
    server.stop()


def test_a_server_is_there_once_it_has_given_a_good_answer(bare: Running) -> None:
    assert bare.start_seconds > 0
    assert bare.start_memory_mb > 1
    assert bare.versions.keys() == {"tornado"}


def test_asking_takes_the_server_s_processor_time(bare: Running) -> None:
    before = bare.cpu_seconds()
    question = Question(f"http://127.0.0.1:{bare.port}/service", bare.headers, BODY)
    load = ask_ours(question, 2, 1)
    assert load.requests > 0
    assert (load.refused, load.socket_errors) == (0, 0)
    assert bare.cpu_seconds() > before


def test_a_server_that_has_settled_is_idle(bare: Running) -> None:
    bare.settle()
    assert bare.process.is_running()


def test_a_stopped_server_leaves_no_process(tmp_path: Path) -> None:
    server = start_here(BARE, tmp_path)
    server.stop()
    assert not psutil.pid_exists(server.process.pid)


def test_answers_that_are_not_the_network_s_are_found_out(bare: Running) -> None:
    assert bare.assess(EXAMPLE) == 0.000001
    with pytest.raises(Skipped, match=r"answers 1e-06 where the network's probability is 0\.99999"):
        check_answers(bare)


def test_a_server_that_ends_at_its_start_is_skipped_with_its_last_words(tmp_path: Path) -> None:
    broken = replace(BARE, command=("-c", "raise SystemExit('no licence')"))
    with pytest.raises(Skipped, match=r"ended at its start with 1\. It said last: no licence"):
        start_here(broken, tmp_path)


def test_what_cannot_be_installed_is_skipped_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "benchmarks"
    (here / "requirements").mkdir(parents=True)
    (here / "requirements" / "absent.txt").write_text(f"{tmp_path}/absent-1.0-py3-none-any.whl\n")
    monkeypatch.setattr(environments, "HERE", here)
    with pytest.raises(Skipped, match="absent cannot be installed: ERROR"):
        require_environment("absent")
    assert not (here / ".environments" / "absent" / "installed.txt").exists()


def test_a_port_that_somebody_listens_on_is_left_alone(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(Skipped, match=f"another program listens on port {port}"):
            start(BARE, port, tmp_path, tmp_path / "none.onnx", BODY)


def test_a_server_that_ends_in_the_middle_is_left_out_and_the_others_go_on(
    bare: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [each for each in os.environ if each.startswith("COVERAGE_PROCESS_")]:
        monkeypatch.delenv(name)  # a killed process leaves coverage a file that it cannot read
    (tmp_path / "dying").mkdir()
    dying = start_here(replace(BARE, name="dying"), tmp_path / "dying")
    dying.process.kill()
    dying.process.wait()
    comparison = Comparison(GENERATORS[-1], running=[dying, bare])
    comparison.run(connections=[2], seconds=1, rounds=1)
    assert comparison.skipped["dying"].startswith(
        "it could not be measured at 32 connections in round 1: "
    )
    assert [each.server for each in comparison.samples] == ["bare"]


def test_every_foreign_contestant_has_its_pins() -> None:
    for name in {each.environment for each in CONTESTANTS if each.environment}:
        pins = (environments.HERE / "requirements" / f"{name}.txt").read_text().splitlines()
        assert all("==" in pin for pin in pins if not pin.startswith("#"))


def test_the_body_is_the_assignment_s_patient() -> None:
    assert json.loads(BODY) == dict(EXAMPLE)
