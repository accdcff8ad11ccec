"""Reading the log back: in any state, of any size, while it grows and moves."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardiorisk.bitacora.entry import LONGEST_LINE_BYTES, Entry
from cardiorisk.bitacora.reader import (
    FreshLines,
    Line,
    LogReader,
    find_newest,
)
from cardiorisk.errors import LogUnavailable
from tests.bitacora.support import make_entry


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "bitacora.jsonl"
    path.touch()
    return path


@pytest.fixture
def fresh(log: Path) -> FreshLines:
    """Look for what comes after a line that is there."""
    add(log, line(0))
    fresh = FreshLines(log)
    fresh.skip()
    return fresh


def line(number: int) -> bytes:
    return make_entry(request_id=f"r{number}").line()


def lines(numbers: Iterable[int]) -> bytes:
    return b"".join(map(line, numbers))


def ids(numbers: Iterable[int]) -> list[str]:
    return [f"r{number}" for number in numbers]


def ids_of(found: Iterable[Line]) -> list[str]:
    return [one.entry.request_id for one in found]


def add(log: Path, text: bytes) -> None:
    with log.open("ab") as file:
        file.write(text)


def every(entry: Entry) -> bool:
    return bool(entry)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/no", "there is no bitácora at /no; start the service, or give its --log-dir"),
        ("/", "the bitácora / cannot be read: Is a directory"),
    ],
)
def test_a_log_that_is_missing_or_cannot_be_read_is_said_to_be(path: str, said: str) -> None:
    with pytest.raises(LogUnavailable) as raised:
        LogReader(Path(path))
    assert str(raised.value) == said


# Forwards


def test_lines_come_in_their_order_as_they_stand_with_their_entries(log: Path) -> None:
    add(log, lines(range(3)))
    with LogReader(log) as reader:
        assert [(one.text, one.entry.request_id) for one in reader.lines()] == [
            (line(number), f"r{number}") for number in range(3)
        ]


@pytest.mark.parametrize(
    ("text", "torn_lines", "whole"),
    [
        (b"", 0, []),
        (b"\n\n" + line(0), 0, [0]),
        (line(0) + b'{"v":1,"t', 1, [0]),
        (b'{"v":1,"t\n' + line(0), 1, [0]),
        (b'not ours\n{"nor":"this"}\n' + line(0) + b"\0\0\0\n" + line(1), 3, [0, 1]),
        (b"x" * (LONGEST_LINE_BYTES * 2 + 7) + b"\n" + line(0), 1, [0]),
        (b"x" * (LONGEST_LINE_BYTES - 1) + b"\n" + line(0), 1, [0]),
        # The end of an overlong line is not taken for a line.
        (b"x" * LONGEST_LINE_BYTES + line(0) + line(1), 1, [1]),
    ],
)
def test_torn_lines_are_counted_and_hide_no_other(
    log: Path, text: bytes, torn_lines: int, whole: list[int]
) -> None:
    add(log, text)
    with LogReader(log) as reader:
        assert ids_of(reader.lines()) == ids(whole)
        assert reader.torn_lines == torn_lines


def test_reading_takes_no_more_memory_for_a_longer_log(log: Path) -> None:
    def peak_bytes(count: int) -> int:
        log.write_bytes(lines(range(count)))
        with LogReader(log) as reader:
            tracemalloc.start()
            for _ in reader.lines():
                pass
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            return peak

    assert peak_bytes(5000) < peak_bytes(100) + 20_000


# From the newest lines on

PIECES = st.lists(
    st.sampled_from([line(1), line(22), b"\n", b"torn\n", b"{}\n", b"y" * 40_000 + b"\n"]),
    max_size=12,
)


@given(pieces=PIECES, tail=st.sampled_from([b"", b"half"]), count=st.integers(0, 13))
def test_the_newest_lines_are_the_last_of_all_lines(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], tail: bytes, count: int
) -> None:
    log = tmp_path_factory.mktemp("log") / "log"
    log.write_bytes(b"".join(pieces) + tail)
    ours = [piece for piece in pieces if piece in {line(1), line(22)}]
    with LogReader(log) as reader:
        reader.go_to_newest(count)
        assert [one.text for one in reader.lines()] == ours[max(0, len(ours) - count) :]


def test_the_newest_of_a_huge_log_are_read_without_the_rest(log: Path) -> None:
    add(log, line(1))
    os.truncate(log, 1 << 34)  # 16 GiB that take no room.
    add(log, b"\n" + lines(range(2, 4)))
    with LogReader(log) as reader:
        reader.go_to_newest(2)
        assert ids_of(reader.lines()) == ids(range(2, 4))


# As it grows


def followed(log: Path, *events: Callable[[], object], start: int = 0) -> tuple[list[str], int]:
    """Follow a log while things happen to it, one a look; return the ids and the torn lines."""
    with LogReader(log) as reader:
        reader.go_to_newest(start)
        seen = ids_of(reader.grown())
        for event in events:
            event()
            for _ in range(2):  # after a rotation the second look is into the new file
                seen += ids_of(reader.grown())
        return seen, reader.torn_lines


def adding(log: Path, text: bytes) -> Callable[[], object]:
    return lambda: add(log, text)


def test_following_starts_with_the_newest_and_waits_for_the_end_of_a_line(log: Path) -> None:
    add(log, lines(range(2)))
    first, second = adding(log, line(2) + line(3)[:30]), adding(log, line(3)[30:])
    assert followed(log, first, second, start=1) == (ids(range(1, 4)), 0)


def test_following_goes_on_in_the_file_that_takes_the_name(log: Path) -> None:
    add(log, line(0))
    renamed = log.with_name("bitacora.jsonl.1")

    def write_to_both() -> None:
        add(renamed, line(2) + b"torn")
        add(log, line(3))

    assert followed(
        log,
        lambda: log.rename(renamed),
        log.touch,
        adding(renamed, line(1)),
        write_to_both,
    ) == (ids(range(1, 4)), 1)


def test_following_survives_deletion_and_truncation(log: Path) -> None:
    add(log, lines(range(2)))
    assert followed(
        log,
        log.unlink,
        adding(log, lines(range(2, 4))),
        lambda: os.truncate(log, 0),
        adding(log, line(4)),
    ) == (ids(range(2, 5)), 0)


# Searched from its end


def test_the_newest_come_first_and_no_more_than_asked_for(log: Path) -> None:
    assert find_newest([log], every, 3).is_exhaustive
    add(log, lines(range(5)))
    found = find_newest([log], every, 3)
    assert ids_of(found.lines) == ids([4, 3, 2])
    assert found.is_exhaustive
    assert found.searched_bytes == len(lines([2, 3, 4]))


def test_only_whole_lines_of_ours_that_are_wanted_are_found(log: Path) -> None:
    overlong = b"x" * LONGEST_LINE_BYTES + b"\n"
    add(log, line(1) + b'{"v": 1, "torn\n\n' + overlong + lines([2, 3]) + b'{"v":1,"unfin')
    found = find_newest([log], lambda entry: entry.request_id != "r2", 10)
    assert ids_of(found.lines) == ids([3, 1])
    assert found.is_exhaustive


def test_a_search_gives_up_at_its_bound_and_says_so(log: Path) -> None:
    add(log, lines(range(10, 20)))
    bound = 3 * len(line(10)) + 5
    found = find_newest([log], every, 10, bound)
    assert ids_of(found.lines) == ids([19, 18, 17])
    assert (found.searched_bytes, found.is_exhaustive) == (bound, False)


def test_a_line_as_long_as_the_bound_is_not_searched_further(log: Path) -> None:
    add(log, line(1) + b"x" * 500_000 + b"\n")
    assert find_newest([log], every, 1, most_bytes=100_000).lines == ()


# What has come since


def test_each_fresh_line_is_told_once_when_it_is_whole_the_newest_first(
    log: Path, fresh: FreshLines
) -> None:
    add(log, lines([1, 2]) + line(3)[:40])
    assert ids_of(fresh.take()) == ids([2, 1])
    assert fresh.take() == ()
    add(log, line(3)[40:])
    assert ids_of(fresh.take()) == ids([3])


@pytest.mark.parametrize("surplus", [1, 5])
def test_what_comes_too_fast_is_skipped(log: Path, surplus: int) -> None:
    fresh = FreshLines(log, most_bytes=2 * len(line(1)) + surplus)
    fresh.skip()
    add(log, lines(range(1, 8)))
    assert ids_of(fresh.take()) == ids([7, 6])
    assert fresh.take() == ()


def test_fresh_lines_go_on_in_the_file_that_has_taken_the_name(
    log: Path, fresh: FreshLines
) -> None:
    add(log, line(1))
    log.rename(log.with_suffix(".1"))
    add(log, line(2))
    assert ids_of(fresh.take()) == ids([2])


def test_fresh_lines_begin_anew_in_a_file_that_was_cut_off(log: Path) -> None:
    add(log, lines([1, 2]))
    fresh = FreshLines(log)
    fresh.skip()
    os.truncate(log, 0)
    add(log, line(3))
    assert ids_of(fresh.take()) == ids([3])
