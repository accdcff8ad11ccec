"""The newest lines are found from the end, within a bound, and new ones are told once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from cardiorisk.bitacora.newest import FreshLines, find_newest
from cardiorisk.errors import LogUnavailable
from tests.bitacora.support import make_entry

if TYPE_CHECKING:
    from pathlib import Path

    from cardiorisk.bitacora.entry import Entry
    from cardiorisk.bitacora.newest import Newest
    from cardiorisk.bitacora.reader import Line


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bitacora.jsonl"


def line(name: int, status: int = 200) -> bytes:
    return make_entry(request_id=str(name), status=status).line()


def write(path: Path, *lines: bytes) -> None:
    with path.open("ab") as file:
        file.write(b"".join(lines))


def names(found: Newest | tuple[Line, ...]) -> list[str]:
    lines = found if isinstance(found, tuple) else found.lines
    return [one.entry.request_id for one in lines]


def every(entry: Entry) -> bool:
    return bool(entry)


def test_the_newest_come_first_and_no_more_than_asked_for(path: Path) -> None:
    write(path, *(line(n) for n in range(5)))
    found = find_newest(path, every, 3)
    assert names(found) == ["4", "3", "2"]
    assert found.is_exhaustive
    assert found.searched_bytes == sum(len(line(n)) for n in (2, 3, 4))


def test_only_lines_that_are_wanted_are_found(path: Path) -> None:
    write(path, line(1, 429), line(2), line(3, 429), line(4))
    assert names(find_newest(path, lambda entry: entry.status == 429, 10)) == ["3", "1"]


def test_torn_and_foreign_lines_are_passed_over(path: Path) -> None:
    write(path, line(1), b'{"v": 1, "torn\n', b"\n", b"foreign\n", line(2), b'{"v":1,"unfin')
    assert names(find_newest(path, every, 10)) == ["2", "1"]


def test_a_search_gives_up_at_its_bound_and_says_so(path: Path) -> None:
    write(path, *(line(n) for n in range(10, 20)))
    found = find_newest(path, every, 10, most_bytes=3 * len(line(10)) + 5)
    assert names(found) == ["19", "18", "17"]
    assert not found.is_exhaustive
    assert found.searched_bytes == 3 * len(line(10)) + 5


def test_a_line_as_long_as_the_bound_is_not_searched_further(path: Path) -> None:
    write(path, line(1), b"x" * 500_000 + b"\n")
    assert names(find_newest(path, every, 1, most_bytes=100_000)) == []


def test_a_log_that_is_not_there_is_said_to_be_so(path: Path) -> None:
    with pytest.raises(LogUnavailable):
        find_newest(path, every, 1)


def test_an_empty_log_holds_nothing(path: Path) -> None:
    path.touch()
    assert find_newest(path, every, 1).is_exhaustive


def test_what_was_there_is_not_fresh(path: Path) -> None:
    write(path, line(1))
    fresh = FreshLines(path)
    fresh.skip()
    assert fresh.take() == ()


def test_each_fresh_line_is_told_once_the_newest_first(path: Path) -> None:
    path.touch()
    fresh = FreshLines(path)
    fresh.skip()
    write(path, line(1), line(2))
    assert names(fresh.take()) == ["2", "1"]
    write(path, line(3))
    assert names(fresh.take()) == ["3"]
    assert fresh.take() == ()


def test_a_line_that_is_being_written_is_told_when_it_is_whole(path: Path) -> None:
    path.touch()
    fresh = FreshLines(path)
    fresh.skip()
    write(path, line(1), line(2)[:40])
    assert names(fresh.take()) == ["1"]
    assert fresh.take() == ()
    write(path, line(2)[40:])
    assert names(fresh.take()) == ["2"]


def test_what_comes_too_fast_is_skipped(path: Path) -> None:
    path.touch()
    fresh = FreshLines(path, most_bytes=2 * len(line(1)) + 5)
    fresh.skip()
    write(path, *(line(n) for n in range(1, 8)))
    assert names(fresh.take()) == ["7", "6"]
    assert fresh.take() == ()


def test_the_bound_on_a_line_s_own_start_loses_no_line(path: Path) -> None:
    path.touch()
    fresh = FreshLines(path, most_bytes=2 * len(line(1)))
    fresh.skip()
    write(path, line(1), line(2))
    assert names(fresh.take()) == ["2", "1"]


def test_it_goes_on_in_the_file_that_has_taken_the_name(path: Path) -> None:
    write(path, line(1))
    fresh = FreshLines(path)
    fresh.skip()
    path.rename(path.with_suffix(".1"))
    write(path, line(2))
    assert names(fresh.take()) == ["2"]


def test_it_begins_anew_in_a_file_that_was_cut_off(path: Path) -> None:
    write(path, line(1), line(2))
    fresh = FreshLines(path)
    fresh.skip()
    os.truncate(path, 0)
    write(path, line(3))
    assert names(fresh.take()) == ["3"]
