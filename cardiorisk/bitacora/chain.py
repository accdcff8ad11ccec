"""The chain: checkpoint lines among the bitácora's own; ``docs/bitacora.md`` tells their form."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal
from zlib import crc32

from cardiorisk.bitacora.entry import FORMAT_VERSION, LONGEST_LINE_BYTES, timestamp
from cardiorisk.bitacora.seal import Seal

MOST_LINES = 1_000  # between two checkpoints
_START = b'{"v":%d,"checkpoint":' % FORMAT_VERSION
_HASH = b"[0-9a-f]{64}"
_FORM = re.compile(
    b'(?P<head>%b(?P<number>[0-9]{1,18}),"ts":"(?P<ts>[0-9T:.-]{26}Z)",'
    b'"why":"(?P<why>open|lines|rotate|rotated|close)","lines":[0-9]{1,18}'
    b'(?:,"after":"(?P<after>%b)")?(?:,"boot":"(?P<boot>[0-9a-f-]*)","sync":"(?P<sync>os|disk)")?'
    b'(?:,"link":"(?P<link>%b)")?)(?:,"marks":"(?P<marks>(?:[0-9a-f]{4})*)")?'
    b',"hash":"(?P<hash>%b)"(?:,"seal":"(?P<seal>%b)")?}\n'
    % (re.escape(_START), _HASH, _HASH, _HASH, _HASH)
)
_BLOCK_BYTES = 1 << 16

Why = Literal["open", "lines", "rotate", "rotated", "close"]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """``head`` is what the hash covers of its line, without the marks."""

    number: int
    ts: str
    why: str
    after: str | None
    boot: str | None
    sync: str | None
    link: str | None
    marks: str | None
    hash: str
    seal: str | None
    head: bytes

    @property
    def sealed(self) -> bytes:
        return self.head + self.hash.encode()

    @property
    def minute(self) -> int:
        """Since the epoch; its seal is by the key of this minute."""
        return int(datetime.fromisoformat(self.ts).timestamp() // 60)

    @property
    def line(self) -> bytes:
        """To be kept elsewhere: without the marks."""
        seal = f',"seal":"{self.seal}"' if self.seal else ""
        return self.head + f',"hash":"{self.hash}"{seal}}}\n'.encode()


def is_checkpoint(line: bytes) -> bool:
    return line.startswith(_START)


def read_checkpoint(line: bytes) -> Checkpoint | None:
    if (found := _FORM.fullmatch(line)) is None:
        return None
    members: dict[str, Any] = {
        name: None if part is None else part.decode() for name, part in found.groupdict().items()
    }
    return Checkpoint(**members | {"head": found["head"], "number": int(found["number"])})


def mark(line: bytes) -> bytes:
    return (crc32(line) & 0xFFFF).to_bytes(2, "big")


def find_last(file: int) -> tuple[int, Checkpoint | None]:
    """Find an open file's last checkpoint, and where it starts; 0 where there is none."""
    for start, end in spans_backwards(file, os.fstat(file).st_size):
        text = os.pread(file, min(end - start, LONGEST_LINE_BYTES), start)
        if (found := read_checkpoint(text)) is not None:
            return start, found
    return 0, None


def spans_backwards(file: int, size_bytes: int, stop: int = 0) -> Iterator[tuple[int, int]]:
    """Give where each line that begins after ``stop`` starts and ends, the newest first."""
    end = block_end = size_bytes
    while block_end > stop:
        block_start = max(stop, block_end - _BLOCK_BYTES)
        block = os.pread(file, block_end - block_start, block_start)
        newline = block.rfind(b"\n")
        while newline >= 0:
            start = block_start + newline + 1
            if start < end:
                yield start, end
            end = start
            newline = block.rfind(b"\n", 0, newline)
        block_end = block_start
    if end and not stop:
        yield 0, end


class Chain:
    """The chain of what one process writes; ``clock`` gives seconds since the epoch."""

    def __init__(self, sync: str, clock: Callable[[], float], seal: Seal | None) -> None:
        self.last: Checkpoint | None = None
        self.lines = 0  # since the last checkpoint
        self._marks: bytearray | None = bytearray()  # None after bytes that are not one whole line
        self._hash = sha256()
        self._sync = sync
        self._clock = clock
        self._seal = seal

    def begin(self, descriptor: int | None) -> None:
        """Go on after the last checkpoint of a file, or at its start; None cannot be read back."""
        self._start(b"")
        if descriptor is None:
            return
        with open(descriptor, "rb", closefd=False) as file:
            place, found = find_last(descriptor)
            file.seek(place)
            if found is not None:
                self._start(file.readline())
                self.follow(found)
            while text := file.readline(LONGEST_LINE_BYTES):
                self.add(text, is_whole=text.endswith(b"\n") and self.lines < MOST_LINES)

    def follow(self, last: Checkpoint | None) -> None:
        self.last = last
        if self._seal is not None and last is not None and last.seal is not None:
            self._seal.resume(last.number, last.minute, last.hash)

    def add(self, text: bytes, *, is_whole: bool = True) -> None:
        self._hash.update(text)
        self.lines += 1 if is_whole else text.count(b"\n")
        if not is_whole:
            self._marks = None
        elif self._marks is not None:
            self._marks += mark(text)

    def keep_up(self) -> float:
        """Move the key on; return the time that a checkpoint has."""
        now = self._clock()
        return now if self._seal is None else self._seal.keep_up(now)

    def next_line(self, why: Why) -> bytes:
        """It counts when ``passed`` is told."""
        seal, last = self._seal, self.last
        ts, number = timestamp(self.keep_up()), 1 if last is None else last.number + 1
        head = _START + f'{number},"ts":"{ts}","why":"{why}","lines":{self.lines}'.encode()
        if why in {"open", "rotated"}:
            head += b',"after":"%b"' % last.hash.encode() if last is not None else b""
            head += b',"boot":"%b","sync":"%b"' % (boot_id(), self._sync.encode())
        if seal is not None and (link := seal.link()):
            head += b',"link":"%b"' % link
        marks = b"" if self._marks is None else b',"marks":"%b"' % self._marks.hex().encode()
        covered, now = head + marks, self._hash.copy()
        now.update(covered)
        digest = now.hexdigest().encode()
        line = covered + b',"hash":"%b"' % digest
        if seal is not None:
            line += b',"seal":"%b"' % seal.sign(head + digest)
        return line + b"}\n"

    def passed(self, line: bytes, written_bytes: int) -> None:
        """Go on after a checkpoint that was written, but perhaps for its newline."""
        self.last = read_checkpoint(line)
        self._start(line[:written_bytes], written_bytes - len(line))
        if self._seal is not None and self.last is not None:
            self._seal.passed(self.last.number, self.last.hash)

    def close(self) -> None:
        if self._seal is not None:
            self._seal.close()

    def _start(self, text: bytes, lines: int = 0) -> None:
        self._hash, self.lines, self._marks = sha256(text), lines, bytearray()


@lru_cache(maxsize=1)
def boot_id() -> bytes:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()
    except OSError:
        return b""
