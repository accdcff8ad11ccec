"""Reading the log back: in any state, of any size, while it grows and moves."""

from __future__ import annotations

import os
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardiorisk.bitacora.reader import LONGEST_LINE_BYTES, LogReader
from cardiorisk.errors import LogUnavailable
from tests.bitacora.support import make_entry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[[bytes], Path]


def line(number: int) -> bytes:
    return make_entry(request_id=f"r{number}").line()


def lines(numbers: range) -> bytes:
    return b"".join(map(line, numbers))


def ids(numbers: range) -> list[str]:
    return [f"r{number}" for number in numbers]


def newest(log: Path, count: int) -> list[str]:
    with LogReader(log) as reader:
        reader.go_to_newest(count)
        return [line.entry.request_id for line in reader.lines()]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_log(text: bytes) -> Path:
        log = tmp_path / "bitacora.jsonl"
        log.write_bytes(text)
        return log

    return write_log


def test_missing_log_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(LogUnavailable) as raised:
        LogReader(tmp_path / "none")
    assert str(raised.value) == (
        f"there is no bitácora at {tmp_path / 'none'}; the service makes it when it starts"
    )


def test_log_that_cannot_be_read_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(LogUnavailable) as raised:
        LogReader(tmp_path)
    assert str(raised.value) == f"the bitácora {tmp_path} cannot be read: Is a directory"


def test_lines_come_in_their_order_as_they_stand(write: Write) -> None:
    with LogReader(write(lines(range(3)))) as reader:
        assert [line.text for line in reader.lines()] == [line(0), line(1), line(2)]


def test_entries_come_with_their_lines(write: Write) -> None:
    with LogReader(write(lines(range(3)))) as reader:
        assert [line.entry.request_id for line in reader.lines()] == ids(range(3))


@pytest.mark.parametrize(
    ("text", "torn_lines"),
    [
        (b"", 0),
        (line(0), 0),
        (b"\n\n" + line(0), 0),
        (line(0) + b'{"v":1,"t', 1),
        (b'{"v":1,"t\n' + line(0), 1),
        (b'not ours\n{"nor":"this"}\n' + line(0) + b"\0\0\0\n", 3),
        (b"x" * (LONGEST_LINE_BYTES * 2 + 7) + b"\n" + line(0), 1),
        (b"x" * (LONGEST_LINE_BYTES - 1) + b"\n" + line(0), 1),
        (b"x" * LONGEST_LINE_BYTES + line(0) + line(1), 1),
    ],
)
def test_torn_lines_are_counted(write: Write, text: bytes, torn_lines: int) -> None:
    with LogReader(write(text)) as reader:
        list(reader.lines())
        assert reader.torn_lines == torn_lines


def test_torn_lines_hide_no_other(write: Write) -> None:
    with LogReader(write(line(0) + b"torn\n" + line(1) + b"\xff\n\n" + line(2))) as reader:
        assert [line.entry.request_id for line in reader.lines()] == ids(range(3))


def test_end_of_an_overlong_line_is_not_taken_for_a_line(write: Write) -> None:
    with LogReader(write(b"x" * LONGEST_LINE_BYTES + line(0) + line(1))) as reader:
        assert [line.entry.request_id for line in reader.lines()] == ["r1"]


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, []), (1, ids(range(999, 1000))), (3, ids(range(997, 1000))), (5000, ids(range(1000)))],
)
def test_newest_lines_are_found_from_the_end(write: Write, count: int, expected: list[str]) -> None:
    assert newest(write(lines(range(1000))), count) == expected


def test_newest_of_an_empty_log_are_none(write: Write) -> None:
    assert newest(write(b""), 5) == []


def test_torn_lines_do_not_count_among_the_newest(write: Write) -> None:
    log = write(line(0) + line(1) + b"torn\n" + line(2) + b"\n" + line(3)[:-20])
    assert newest(log, 2) == ["r1", "r2"]


PIECES = st.lists(
    st.sampled_from([line(1), line(22), b"\n", b"torn\n", b"{}\n", b"y" * 40_000 + b"\n"]),
    max_size=12,
)


@given(pieces=PIECES, tail=st.sampled_from([b"", b"half"]), count=st.integers(0, 13))
def test_newest_lines_are_the_last_of_all_lines(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], tail: bytes, count: int
) -> None:
    log = tmp_path_factory.mktemp("log") / "log"
    log.write_bytes(b"".join(pieces) + tail)
    ours = [piece for piece in pieces if piece in {line(1), line(22)}]
    with LogReader(log) as reader:
        reader.go_to_newest(count)
        assert [line.text for line in reader.lines()] == ours[max(0, len(ours) - count) :]


def test_newest_of_a_huge_log_are_read_without_the_rest(tmp_path: Path) -> None:
    log = tmp_path / "bitacora.jsonl"
    log.write_bytes(line(1))
    os.truncate(log, 1 << 34)  # 16 GiB that take no room.
    with log.open("ab") as end:
        end.write(b"\n" + lines(range(2, 4)))
    assert newest(log, 2) == ids(range(2, 4))


def test_reading_takes_no_more_memory_for_a_longer_log(write: Write) -> None:
    def peak_bytes(text: bytes) -> int:
        with LogReader(write(text)) as reader:
            tracemalloc.start()
            for _ in reader.lines():
                pass
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            return peak

    short, long = lines(range(100)), lines(range(5000))
    assert peak_bytes(long) < peak_bytes(short) + 20_000


class Enough(Exception):
    """The test has seen what it wanted of an endless reading."""


def followed(log: Path, *events: Callable[[], object], start: int = 0) -> tuple[list[str], int]:
    """Follow a log while things happen to it, one a pause; return the ids and the torn lines."""
    coming = iter(events)

    def pause() -> None:
        for event in coming:
            event()
            return
        raise Enough

    seen: list[str] = []
    with LogReader(log) as reader:
        reader.go_to_newest(start)
        try:
            seen.extend(line.entry.request_id for line in reader.follow(pause))
        except Enough:
            return seen, reader.torn_lines
    raise AssertionError("following a log has no end")


@pytest.fixture
def log(write: Write) -> Path:
    return write(line(0))


def add(log: Path, text: bytes) -> Callable[[], object]:
    def write_at_the_end() -> None:
        with log.open("ab") as file:
            file.write(text)

    return write_at_the_end


def rename(log: Path) -> Callable[[], object]:
    return lambda: log.rename(log.with_name("bitacora.jsonl.1"))


def test_following_goes_on_with_new_lines(log: Path) -> None:
    assert followed(log, add(log, line(1)), add(log, lines(range(2, 4)))) == (ids(range(1, 4)), 0)


def test_following_starts_with_the_newest_lines(log: Path) -> None:
    assert followed(log, add(log, line(1)), start=1) == (ids(range(2)), 0)


def test_following_waits_for_the_end_of_a_line(log: Path) -> None:
    first, second = add(log, line(1)[:30]), add(log, line(1)[30:])
    assert followed(log, first, second) == (["r1"], 0)


def test_following_survives_a_rotation(log: Path) -> None:
    assert followed(log, rename(log), add(log, line(1))) == (["r1"], 0)


def test_lines_of_the_renamed_log_are_not_missed(log: Path) -> None:
    renamed = log.with_name("bitacora.jsonl.1")
    assert followed(
        log,
        rename(log),
        log.touch,
        add(renamed, line(1)),
        lambda: (add(renamed, line(2))(), add(log, line(3))()),
    ) == (ids(range(1, 4)), 0)


def test_torn_end_of_the_renamed_log_is_counted(log: Path) -> None:
    renamed = log.with_name("bitacora.jsonl.1")
    assert followed(log, rename(log), add(renamed, b"torn"), add(log, line(1))) == (["r1"], 1)


def test_following_survives_deletion_and_a_new_log(log: Path) -> None:
    assert followed(log, log.unlink, add(log, line(1))) == (["r1"], 0)


def test_following_survives_truncation(log: Path) -> None:
    assert followed(log, lambda: os.truncate(log, 0), add(log, line(1))) == (["r1"], 0)
