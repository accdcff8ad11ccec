"""Whether a bitácora is whole: each checkpoint against the bytes before it, and the others."""

import hmac
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from io import BufferedReader
from itertools import islice, takewhile
from pathlib import Path

from cardiorisk.bitacora.chain import MOST_LINES, Checkpoint, is_checkpoint, mark, read_checkpoint
from cardiorisk.bitacora.entry import LONGEST_LINE_BYTES
from cardiorisk.bitacora.files import UNREADABLE, LogFile, is_compressed, open_log
from cardiorisk.bitacora.seal import MOST_MINUTES, SealKey

_MOST_NEWER_MINUTES = 45_000  # of a newer key that somebody sealed with: a month
_PROGRESS_LINES = 50_000


class _Fault(Exception): ...


@dataclass
class Verification:
    _key: SealKey | None
    _against: Checkpoint | None
    _is_all: bool
    _progress: Callable[[int], None]
    fault: str | None = None  # the first, which ends it
    losses: list[str] = field(default_factory=list)  # which a crash of the machine may explain
    notes: list[str] = field(default_factory=list)
    lines: int = 0  # that checkpoints cover
    open_lines: int = 0  # since the last
    checkpoints: int = 0
    last: Checkpoint | None = None
    _path: Path = Path()
    _line: int = 0
    _sealed: Checkpoint | None = None
    _start: Checkpoint | None = None  # the last one that tells the machine's start and the mode

    def read(self, file: LogFile, *, is_newest: bool) -> None:
        self._path, self._line = file.path, 0
        try:
            with open_log(file.path) as opened:
                covered, is_torn = self._read(opened, file)
        except (OSError, *UNREADABLE) as error:
            raise self._fault(f"it cannot be read any further: {error}") from error
        left = self._line - covered
        if left + is_torn and (not is_newest or left > MOST_LINES):
            self._line = covered + 1
            why = "in a file that has a successor" if not is_newest else "where there should be one"
            raise self._fault(f"{left + is_torn:,} line(s) without a checkpoint {why}: not sealed")
        self.open_lines = left
        if is_torn:
            self.notes.append(f"{file.path} ends in a torn line, as after kill -9")

    def end(self) -> None:
        last, against = self.last, self._against
        if last is None:
            raise _Fault("there is no checkpoint, so nothing can be said of it")
        if self._key is not None and self._sealed is None:
            raise self._fault("no checkpoint is sealed, and a key was given")
        if against is not None:
            kept = f"checkpoint {against.number:,} of {against.ts}, which was kept elsewhere"
            if last.number < against.number:
                raise self._fault(f"{kept}, is missing: the end was cut off")
            raise self._fault(f"{kept}, is not there: all was written anew")
        if self._sealed is not None and self._key is None:
            self.notes.append("its seals were not checked: --key takes the file verify.key")
        if last.why != "close":
            self.notes.append(
                "its end is open: the service runs, or was killed; whether lines were cut off "
                "there only a checkpoint kept elsewhere can tell (--against)"
            )

    def _read(self, opened: BufferedReader, file: LogFile) -> tuple[int, bool]:
        """Check a file, and return the last line that is covered, and whether the end is torn."""
        digest, covered, is_start, told_bytes = sha256(), 0, True, 0
        while text := opened.readline(LONGEST_LINE_BYTES):
            if is_start and is_checkpoint(text) and (found := read_checkpoint(text)) is not None:
                self._line += 1
                hashed = text[: text.rindex(b',"hash":"')]
                digest.update(hashed)
                if self._line == covered + 1 and self.last and self.last.hash == found.after:
                    # What was collected into one file may be a file's start.
                    digest = sha256(hashed) if found.hash != digest.hexdigest() else digest
                if file.has_lines and digest.hexdigest() != found.hash:
                    raise self._locate(found, covered)
                self._check(found, self._line - covered - 1, is_first=not covered)
                covered, digest = self._line, sha256(text)
            else:
                digest.update(text)
                is_start = text[-1] == 10  # noqa: PLR2004 - a newline
                self._line += is_start
            if self._line % _PROGRESS_LINES == 0 and not is_compressed(file.path):
                self._progress(opened.tell() - told_bytes)
                told_bytes = opened.tell()
        self._progress(os.fstat(opened.fileno()).st_size - told_bytes)
        return covered, not is_start

    def _check(self, found: Checkpoint, lines: int, *, is_first: bool) -> None:
        """Check a checkpoint, whose hash holds, against the one before it."""
        last = self.last
        if last is None:
            if found.number > 1:
                before = f"what was before checkpoint {found.number:,}"
                if self._is_all:
                    raise self._fault(f"{before} is missing, and not by `log prune`")
                self.notes.append(f"{before} was not looked at")
        elif found.number != last.number + 1:
            raise self._fault(_out_of_place(found, last))
        elif is_first and found.after != last.hash:
            raise self._fault("it does not go on where the file before it ends: moved, or replaced")
        elif not is_first and lines and last.why == "close":
            self._line -= lines
            raise self._fault(f"{lines:,} line(s) were added after the service had ended")
        is_linked = self._is_sealed_and_linked(found)
        if self._may_have_lost(found):
            verb = "may be" if is_linked else "are"
            why = "the machine went down without ending the service (CARDIORISK_BITACORA_SYNC=os)"
            place = f"{self._path}, line {self._line:,}"
            self.losses.append(f"{place}: lines before it {verb} missing, as {why}")
        elif not is_linked:
            gone = "what was sealed before it is missing, or was sealed again with a newer key"
            raise self._fault(gone)
        if self._against is not None and found.sealed == self._against.sealed:
            self._against = None
        self._start = found if found.boot is not None else self._start
        self.last = found
        self.lines += lines
        self.checkpoints += 1

    def _may_have_lost(self, found: Checkpoint) -> bool:
        """Tell whether a crash of the machine may have taken lines before this checkpoint."""
        last, start = self.last, self._start
        if found.why != "open" or last is None or last.why in {"close", "rotate"} or start is None:
            return False
        return start.sync == "os" and start.boot != found.boot

    def _is_sealed_and_linked(self, found: Checkpoint) -> bool:
        """Check the seal; tell whether the link, if there must be one, is that of what was read."""
        previous, key = self._sealed, self._key
        if found.seal is None and previous is not None:
            raise self._fault("this checkpoint is not sealed, and those before it are")
        if found.seal is None:
            return True
        self._sealed = found
        if key is None:
            return True
        minute = found.minute
        if not key.minute <= minute <= key.minute + MOST_MINUTES:
            raise self._fault(f"its time, {found.ts}, is out of place: sealed again, or moved")
        key.move_to(minute)
        if not hmac.compare_digest(key.sign(found.sealed), found.seal):
            raise self._fault(self._whose_seal(found, key))
        is_known = previous is not None or found.number == 1 or self._is_all
        needs_link = previous is None or previous.minute != minute
        link, key.link = key.link.hex(), bytes.fromhex(found.hash)
        return not is_known or found.link == link or (found.link is None and not needs_link)

    def _whose_seal(self, found: Checkpoint, key: SealKey) -> str:
        later = replace(key)
        for _ in range(_MOST_NEWER_MINUTES):
            later.move_to(later.minute + 1)
            if later.sign(found.sealed) == found.seal:
                return f"it was sealed again, with a key that is newer than its time, {found.ts}"
        return "its seal is not by this key: it was chained again, or changed, without the key"

    def _locate(self, found: Checkpoint, covered: int) -> _Fault:
        """Say which line before a checkpoint is not as it was when that was written."""
        last = self.last
        if last is not None and found.number != last.number + 1:
            return self._fault(_out_of_place(found, last))
        here, count = self._line, self._line - covered - 1
        self._line = covered + 1
        if found.marks is None:
            return self._fault(f"changed, or another up to line {here:,}: one, or several")
        with open_log(self._path) as opened:
            texts = iter(partial(opened.readline, LONGEST_LINE_BYTES), b"")
            lines = islice(texts, covered, min(here - 1, covered + 2 * MOST_LINES))
            got = [mark(text).hex() for text in lines]
        wanted = re.findall("....", found.marks)
        same = takewhile(lambda pair: pair[0] == pair[1], zip(got, wanted, strict=False))
        self._line += sum(1 for _ in same)
        if got == wanted:
            return self._fault("this checkpoint was changed, or the one before it")
        if surplus := count - len(wanted):
            what = "added from it on" if surplus > 0 else "missing before it"
            return self._fault(f"{abs(surplus):,} line(s) {what}")
        return self._fault("moved" if sorted(got) == sorted(wanted) else "changed")

    def _fault(self, said: str) -> _Fault:
        return _Fault(f"{self._path}, line {self._line:,}: {said}")


def _out_of_place(found: Checkpoint, last: Checkpoint) -> str:
    if found.number <= last.number:
        return f"checkpoint {found.number:,} stands here again: added, or moved"
    missing = found.number - last.number - 1
    return f"{missing:,} checkpoint(s) after number {last.number:,} are missing, or were changed"


def verify(
    files: Sequence[LogFile],
    *,
    key: SealKey | None = None,
    against: Checkpoint | None = None,
    is_all: bool = True,
    progress: Callable[[int], None] = lambda _bytes: None,
) -> Verification:
    """Verify files of one bitácora, in order; if ``is_all``, none may be missing before them."""
    found = Verification(key, against, is_all, progress)
    try:
        for place, file in enumerate(files, 1):
            found.read(file, is_newest=place == len(files))
        found.end()
    except _Fault as fault:
        found.fault = str(fault)
    return found
