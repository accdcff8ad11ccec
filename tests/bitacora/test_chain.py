"""The chain: what was written verifies, and what was changed since is found, with its line."""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cardiorisk.bitacora import chain
from cardiorisk.bitacora.chain import Checkpoint, is_checkpoint, mark, read_checkpoint
from cardiorisk.bitacora.files import LOG_FILE, last_checkpoint, list_files
from cardiorisk.bitacora.seal import SealKey, make_pair, read_key
from cardiorisk.bitacora.verification import Verification, verify
from cardiorisk.bitacora.writer import Bitacora
from cardiorisk.errors import LogUnavailable
from tests.bitacora.support import KEEP_WRITING, make_entry
from tests.processes import unmeasured
from tests.support import SettableClock

KILLED = """
import os, pathlib, sys
from cardiorisk.bitacora.writer import Bitacora
bitacora = Bitacora(pathlib.Path(sys.argv[1]), wall_clock=lambda: float(sys.argv[2]))
for _ in range(5):
    bitacora.append(b"{}\\n")
os._exit(0)
"""


@dataclass
class Log:
    """A sealed log, written by one process after another."""

    directory: Path
    clock: SettableClock = field(default_factory=SettableClock)
    lines: int = 0

    def __post_init__(self) -> None:
        make_pair(self.keys, self.clock())

    @property
    def path(self) -> Path:
        return self.directory / LOG_FILE

    @property
    def keys(self) -> Path:
        return self.directory / "keys"

    @property
    def key(self) -> SealKey:
        return read_key(self.keys / "verify.key")

    def open(self, *, is_sealed: bool = True) -> Bitacora:
        return Bitacora(
            self.directory,
            seal_key_file=self.keys / "install.key" if is_sealed else None,
            clock=self.clock,
            wall_clock=self.clock,
        )

    def append(self, bitacora: Bitacora, count: int, every_s: float = 0) -> None:
        for _ in range(count):
            self.lines += 1
            self.clock.now_seconds += every_s
            bitacora.append(make_entry(request_id=f"r{self.lines}").line())

    def write(self, count: int, every_s: float = 0, *, is_sealed: bool = True) -> None:
        """Be a process from its start to its end."""
        bitacora = self.open(is_sealed=is_sealed)
        self.append(bitacora, count, every_s)
        bitacora.close()

    def rotate(self) -> Path:
        older = sorted(self.directory.glob(f"{LOG_FILE}.*"), reverse=True)
        for file in older:
            file.rename(file.with_suffix(f".{int(file.suffix[1:]) + 1}"))
        return self.path.rename(f"{self.path}.1")

    def verdict(self, against: Checkpoint | None = None) -> Verification:
        return verify(list_files(self.path), key=self.key, against=against)

    def fault(self, against: Checkpoint | None = None) -> str:
        """Return what is wrong, without the directory."""
        return (self.verdict(against).fault or "").removeprefix(f"{self.directory}/")


@pytest.fixture
def log(log_dir: Path) -> Log:
    return Log(log_dir)


def whys(path: Path) -> list[str]:
    found = map(read_checkpoint, path.read_bytes().splitlines(keepends=True))
    return [one.why for one in found if one is not None]


# Where checkpoints come


def test_a_checkpoint_follows_a_thousand_lines_a_second_and_the_end(log: Log) -> None:
    bitacora = log.open()
    log.append(bitacora, 1001)
    log.append(bitacora, 2, every_s=1)
    bitacora.tick()
    log.clock.advance(seconds=1)
    bitacora.tick()
    bitacora.tick()
    bitacora.close()
    assert whys(log.path) == ["open", "lines", "lines", "lines", "lines", "close"]
    verdict = log.verdict()
    assert (verdict.fault, verdict.losses, verdict.notes) == (None, [], [])
    assert (verdict.lines, verdict.open_lines, verdict.checkpoints) == (1003, 0, 6)


def test_rotated_files_go_on_with_each_others_hash(log: Log) -> None:
    bitacora = log.open()
    for _ in range(3):
        log.append(bitacora, 3)
        log.rotate()
        log.append(bitacora, 2)
        log.clock.advance(seconds=90)
    log.append(bitacora, 1)
    bitacora.close()
    oldest, *others = list_files(log.path)
    assert [whys(file.path)[-1] for file in (oldest, *others)] == ["rotate"] * 3 + ["close"]
    squeezed = Path(f"{oldest.path}.gz")
    squeezed.write_bytes(gzip.compress(oldest.path.read_bytes()))
    oldest.path.unlink()
    assert (log.fault(), log.verdict().lines) == ("", 16)


@pytest.mark.parametrize("squeezes", [False, True])
def test_a_file_renamed_while_nothing_ran_is_gone_on_from(log: Log, *, squeezes: bool) -> None:
    log.write(5)
    older = log.rotate()
    if squeezes:
        Path(f"{older}.gz").write_bytes(gzip.compress(older.read_bytes()))
        older.unlink()
    log.write(5)
    assert (log.fault(), log.verdict().lines) == ("", 10)


def test_older_files_that_cannot_be_read_stop_no_start(
    log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    log.directory.joinpath(f"{LOG_FILE}.2.gz").write_bytes(gzip.compress(b"{}\n" * 999)[:-9])
    os.mkfifo(f"{log.path}.1")
    log.write(1)
    assert "it cannot be read any further: " in log.fault()
    log.path.unlink()
    log.directory.joinpath(f"{LOG_FILE}.1.gz").write_bytes(b"no gzip")
    log.write(1)
    assert caplog.messages == []


def test_the_end_of_a_file_renamed_before_a_kill_is_sealed_by_the_next_process(log: Log) -> None:
    program = [sys.executable, "-c", KILLED, str(log.directory), str(log.clock())]
    subprocess.run(program, check=True, env=unmeasured())
    older = log.rotate()
    with older.open("ab") as file:
        file.write(b'{"torn')
    log.write(5)
    assert (log.fault(), log.verdict().lines) == ("", 11)


def test_a_log_from_before_the_chain_is_covered_from_its_beginning(log: Log) -> None:
    log.path.write_bytes(make_entry().line() * 3)
    log.write(2)
    assert (log.fault(), log.verdict().lines) == ("", 5)
    log.path.write_bytes(log.path.read_bytes().replace(b"freemium", b"premium_", 1))
    assert log.fault().startswith("bitacora.jsonl, line 1: changed")


def test_a_process_killed_at_any_moment_leaves_a_log_that_is_whole(log: Log) -> None:
    printed = 0
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", KEEP_WRITING, log.directory, log.keys / "install.key"],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            env=unmeasured(),
        ) as process:
            assert process.stdout is not None
            for _ in range(1500):
                process.stdout.readline()
            process.send_signal(signal.SIGKILL)
            printed += 1500 + process.stdout.read().count(b"\n")
        with log.path.open("ab") as file:
            file.write(b'{"torn by a kill')
    verdict = log.verdict()
    assert verdict.fault is None
    assert verdict.notes[0].endswith("ends in a torn line, as after kill -9")
    assert verdict.lines + verdict.open_lines >= printed


# What the machine takes, and what others do


def crash(log: Log, monkeypatch: pytest.MonkeyPatch, lines: int) -> None:
    """Go down with the machine, which forgets the file's end."""
    bitacora = log.open()
    log.append(bitacora, lines, every_s=20)
    bitacora.close()
    texts = log.path.read_bytes().splitlines(keepends=True)
    log.path.write_bytes(b"".join(texts[:-3]))
    monkeypatch.setattr(chain, "boot_id", lambda: b"0bad-b007")
    log.clock.advance(seconds=120)


def test_lines_that_a_crash_of_the_machine_took_are_no_tampering(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash(log, monkeypatch, 12)
    log.write(3)
    verdict = log.verdict()
    assert verdict.fault is None
    (loss,) = verdict.losses
    assert ": lines before it are missing, as the machine went down" in loss
    last = log.path.read_bytes().splitlines(keepends=True)[-2]
    log.path.write_bytes(log.path.read_bytes().replace(last, b""))
    assert "1 line(s) missing before it" in log.fault()


def test_what_was_sealed_cannot_be_cut_away_and_gone_on_from_later(log: Log) -> None:
    log.write(12, every_s=20)
    texts = log.path.read_bytes().splitlines(keepends=True)
    log.path.write_bytes(b"".join(texts[:9]))
    log.clock.advance(seconds=120)
    log.write(1)
    assert "what was sealed before it is missing" in log.fault()


def test_a_log_that_was_begun_anew_without_its_past_is_found(log: Log) -> None:
    log.write(12, every_s=20)
    log.path.unlink()
    log.write(1)
    assert "what was sealed before it is missing" in log.fault()


def test_an_unsealed_checkpoint_after_sealed_ones_is_a_fault_with_and_without_the_key(
    log: Log,
) -> None:
    log.write(1)
    log.write(1, is_sealed=False)
    assert "line 4: this checkpoint is not sealed, and those before it are" in log.fault()
    assert verify(list_files(log.path)).fault is not None


def test_sealing_may_begin_in_a_log_that_was_chained(log: Log) -> None:
    log.write(2, is_sealed=False)
    assert "no checkpoint is sealed, and a key was given" in log.fault()
    log.write(2)
    assert log.fault() == ""


def test_lines_added_between_two_processes_are_found(log: Log) -> None:
    log.write(2)
    with log.path.open("ab") as file:
        file.write(make_entry().line() * 2)
    log.write(2)
    assert log.fault() == (
        "bitacora.jsonl, line 5: 2 line(s) were added after the service had ended"
    )


def test_a_first_checkpoint_that_was_copied_begins_nothing_anew(log: Log) -> None:
    log.write(2, every_s=1, is_sealed=False)
    first = log.path.read_bytes().splitlines(keepends=True)[0]
    with log.path.open("ab") as file:
        file.write(first)
    found = verify(list_files(log.path))
    assert "checkpoint 1 stands here again: added, or moved" in str(found.fault)


def test_missing_files_are_found_and_a_part_of_the_log_can_be_verified(log: Log) -> None:
    for _ in range(3):
        log.write(3, every_s=0.2)
        log.rotate()
    log.write(3)
    oldest, second, *rest = list_files(log.path)
    part = verify(rest, key=log.key, is_all=False)
    assert (part.fault, part.notes) == (None, ["what was before checkpoint 5 was not looked at"])
    second.path.unlink()
    assert "2 checkpoint(s) after number 2 are missing" in log.fault()
    oldest.path.unlink()
    assert "what was before checkpoint 5 is missing" in log.fault()


def test_what_another_chain_has_is_not_what_was_kept_or_went_before(
    log: Log, tmp_path: Path
) -> None:
    log.write(3, is_sealed=False)
    kept = last_checkpoint(log.path)
    first = log.rotate()
    log.write(3, is_sealed=False)
    other = Bitacora(tmp_path / "other", wall_clock=lambda: 0.0)
    other.append(b"{}\n")
    other.close()
    shutil.copy(other.path, first)
    moved = verify(list_files(log.path)).fault or ""
    assert "does not go on where the file before it ends" in moved
    anew = verify(list_files(other.path), against=kept).fault or ""
    assert "which was kept elsewhere, is not there: all was written anew" in anew
    other.path.write_bytes(b"{}\n")
    assert verify(list_files(other.path)).fault == (
        "there is no checkpoint, so nothing can be said of it"
    )


# The key


def test_a_key_moves_on_each_minute_and_seals_nothing_earlier(log: Log) -> None:
    first = (log.keys / "install.key").read_bytes()
    bitacora = log.open()
    log.clock.advance(minutes=3)
    bitacora.tick()
    moved = read_key(log.keys / "install.key")
    assert (log.keys / "verify.key").read_bytes() == first
    assert moved.minute == log.key.minute + 3
    assert moved.key != log.key.key
    bitacora.close()


def test_a_clock_that_goes_back_or_leaps_refuses_no_line(
    log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    bitacora = log.open()
    for days in (-1, 3000, -3000, 1):
        log.clock.advance(days=days)
        log.append(bitacora, 1, every_s=1)
    bitacora.close()
    assert log.fault() == ""
    assert " fails: the clock has leapt by more than" in caplog.messages[0]


@pytest.mark.skipif(sys.platform != "linux", reason="a file that refuses writes is Linux's")
def test_a_key_that_cannot_be_moved_on_is_told_once_and_no_line_is_lost(
    log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    file = os.memfd_create("key", os.MFD_ALLOW_SEALING)
    os.write(file, (log.keys / "install.key").read_bytes())
    key_file = Path(f"/proc/self/fd/{file}")
    bitacora = Bitacora(
        log.directory, seal_key_file=key_file, clock=log.clock, wall_clock=log.clock
    )
    fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)
    log.append(bitacora, 5, every_s=40)
    bitacora.close()
    os.close(file)
    assert caplog.messages == [
        f"moving the seal key {key_file} on fails: [Errno 1] Operation not permitted"
    ]
    assert (log.fault(), log.verdict().lines) == ("", 5)


def test_a_closed_log_needs_no_tick_and_one_that_fails_is_told(
    log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    bitacora = log.open()
    log.path.unlink()
    log.path.mkdir()
    bitacora.tick()
    assert "Is a directory" in caplog.messages[0]
    bitacora.close()
    bitacora.tick()


def test_a_time_that_is_out_of_place_is_found(log: Log) -> None:
    log.write(1)
    log.write(1)
    early = log.key
    early.minute += 9
    found = verify(list_files(log.path), key=early)
    assert "is out of place: sealed again, or moved" in str(found.fault)
    with pytest.raises(LogUnavailable, match="cannot be read: No such file"):
        read_key(log.keys / "none.key")


def test_more_lines_than_there_may_be_without_a_checkpoint_are_a_fault(log: Log) -> None:
    log.write(1)
    with log.path.open("ab") as file:
        file.write(make_entry().line() * 1001)
    assert "line 4: 1,001 line(s) without a checkpoint where there should be one" in log.fault()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (Path.unlink, "cannot be used: No such file or directory"),
        (lambda path: path.write_bytes(b"{}"), "holds no seal key; `cardiorisk log seal-key`"),
    ],
)
def test_a_key_that_cannot_be_used_stops_the_start(
    log: Log, spoil: Callable[[Path], object], said: str
) -> None:
    spoil(log.keys / "install.key")
    with pytest.raises(LogUnavailable, match=said):
        log.open()


def test_the_key_that_verifies_is_not_moved_on_by_mistake(log: Log) -> None:
    with pytest.raises(
        LogUnavailable, match=r"is for `log verify`; the service takes install\.key"
    ):
        Bitacora(log.directory, seal_key_file=log.keys / "verify.key")


def test_a_key_is_one_processs_and_is_never_replaced(log: Log) -> None:
    bitacora = log.open()
    with pytest.raises(LogUnavailable, match="is another process's; make a pair for each"):
        log.open()
    bitacora.close()
    log.open().close()
    with pytest.raises(FileExistsError):
        make_pair(log.keys, 0.0)


# A campaign of edits


def chained_again(texts: list[bytes], key: SealKey | None) -> bytes:
    """Chain lines anew, from what the format says alone, with no key or with the one of now."""
    state, since, out = hashlib.sha256(), list[bytes](), list[bytes]()
    for text in texts:
        found = read_checkpoint(text)
        if found is None:
            state.update(text)
            since.append(text)
            continue
        marks = "".join(mark(line).hex() for line in since).encode()
        covered = found.head + b',"marks":"' + marks + b'"'
        state.update(covered)
        digest = state.hexdigest().encode()
        seal = found.seal if key is None else key.sign(found.head + digest)
        line = covered + b',"hash":"%b","seal":"%b"}\n' % (digest, str(seal).encode())
        out += [*since, line]
        state, since = hashlib.sha256(line), []
    return b"".join(out)


def edited(log: Log, text: bytes, how: str, dice: random.Random) -> bytes:
    lines = text.splitlines(keepends=True)
    place, other = dice.sample(range(len(lines)), 2)
    match how:
        case "flipped":
            at = dice.randrange(len(text))
            return text[:at] + bytes([text[at] ^ 1 << dice.randrange(8)]) + text[at + 1 :]
        case "swapped":
            lines[place], lines[other] = lines[other], lines[place]
        case "removed":
            del lines[place]
        case "added":
            lines.insert(place, dice.choice([lines[other], make_entry(method="PUT").line()]))
        case "cut":
            return text[: dice.randrange(len(text))]
        case _:
            ours = [n for n, line in enumerate(lines) if not is_checkpoint(line)]
            lines[dice.choice(ours)] = make_entry(method="PUT").line()
            key = read_key(log.keys / "install.key") if how == "sealed again" else None
            return chained_again(lines, key)
    return b"".join(lines)


EDITS = ("flipped", "swapped", "removed", "added", "cut", "chained again", "sealed again")


@pytest.fixture(scope="module")
def two_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    log = Log(tmp_path_factory.mktemp("campaign"))
    log.write(60, every_s=0.3)
    log.rotate()
    log.write(60, every_s=7)
    yield log
    shutil.rmtree(log.directory)


@pytest.mark.parametrize("how", EDITS)
def test_every_single_edit_is_found(two_files: Log, how: str) -> None:
    dice = random.Random(how)  # noqa: S311 - the same edits each time
    against = last_checkpoint(two_files.path)
    assert two_files.fault(against) == ""
    for _ in range(int(os.environ.get("CAMPAIGN", "12"))):
        path = dice.choice(list_files(two_files.path)).path
        text = path.read_bytes()
        path.write_bytes(edited(two_files, text, how, dice))
        was_changed, fault = path.read_bytes() != text, two_files.fault(against)
        path.write_bytes(text)
        assert bool(fault) == was_changed


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda lines: [*lines[:4], b"{}\n", *lines[5:]], "changed"),
        (lambda lines: [*lines[:4], *lines[5:]], "1 line(s) missing before it"),
        (lambda lines: [*lines[:4], b"{}\n", *lines[4:]], "1 line(s) added from it on"),
        (lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]], "moved"),
    ],
)
def test_the_faulty_line_is_named(
    log: Log, edit: Callable[[list[bytes]], list[bytes]], said: str
) -> None:
    log.write(20)
    lines = log.path.read_bytes().splitlines(keepends=True)
    log.path.write_bytes(b"".join(edit(lines)))
    assert log.fault() == f"bitacora.jsonl, line 5: {said}"
