"""The key that seals checkpoints: it moves on each minute, and what it was before is gone.

A record is shorter than a sector, so that after a crash its file holds the old or the new one.
"""

import errno
import fcntl
import hmac
import logging
import os
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from secrets import token_bytes

from cardiorisk.errors import LogUnavailable
from cardiorisk.workers import Failures

INSTALL_KEY, VERIFY_KEY = "install.key", "verify.key"
MOST_MINUTES = 2 * 366 * 1440  # a clock that leaps further is not believed: a key never goes back
_RECORD = '{{"minute":{:010d},"key":"{}","link":"{}","checkpoint":{:018d}}}\n'
_FORM = re.compile(
    rb'\{"minute":0*([0-9]+),"key":"([0-9a-f]{64})","link":"([0-9a-f]{64})",'
    rb'"checkpoint":0*([0-9]+)\}\n'
)
_logger = logging.getLogger(__name__)


@dataclass(repr=False)
class SealKey:
    """The key of a minute since the epoch; ``link`` and ``checkpoint`` say what it sealed last."""

    minute: int
    key: bytes
    link: bytes
    checkpoint: int = 0

    @classmethod
    def read(cls, text: bytes, path: Path) -> "SealKey":
        if (found := _FORM.fullmatch(text)) is None:
            hint = "`cardiorisk log seal-key` makes a pair"
            raise LogUnavailable(f"{path} holds no seal key; {hint}")
        key, link = (bytes.fromhex(part.decode()) for part in found.group(2, 3))
        return cls(int(found[1]), key, link, int(found[4]))

    def record(self) -> bytes:
        key, link = self.key.hex(), self.link.hex()
        return _RECORD.format(self.minute, key, link, self.checkpoint).encode()

    def move_to(self, minute: int) -> None:
        """Move on to a minute; the link says, with the keys that go, what the log held."""
        while self.minute < minute:
            self.link = hmac.digest(self.key, self.link, "sha256")
            self.key = sha256(b"next" + self.key).digest()
            self.minute += 1

    def note(self, number: int, digest: str) -> None:
        self.checkpoint, self.link = number, bytes.fromhex(digest)

    def sign(self, text: bytes) -> str:
        return hmac.digest(self.key, text, "sha256").hex()


def read_key(path: Path) -> SealKey:
    try:
        return SealKey.read(path.read_bytes(), path)
    except OSError as error:
        raise LogUnavailable(f"the seal key {path} cannot be read: {error.strerror}") from error


def make_pair(directory: Path, now_seconds: float) -> None:
    """Make the service's key and the one to keep elsewhere; FileExistsError where there is one."""
    directory.mkdir(0o700, parents=True, exist_ok=True)
    record = SealKey(int(now_seconds // 60), token_bytes(32), token_bytes(32)).record()
    for name in (INSTALL_KEY, VERIFY_KEY):  # one of another pair beside it would be taken for it
        if (path := directory / name).exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
    for name, mode in ((VERIFY_KEY, 0o400), (INSTALL_KEY, 0o600)):
        file = os.open(directory / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with open(file, "wb") as opened:  # noqa: PTH123 - it is made already, for its owner alone
            opened.write(record)
            os.fsync(file)


class Seal:
    """The service's key; its file is this process's alone."""

    def __init__(self, path: Path) -> None:
        self._moving = f"moving the seal key {path} on"
        self._failures = Failures(_logger)
        self._linked_minute = -1
        if path.name == VERIFY_KEY:  # moved on, it could verify nothing any more
            raise LogUnavailable(f"{path} is for `log verify`; the service takes {INSTALL_KEY}")
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._key = SealKey.read(os.pread(self._file, 4096, 0), path)
            except (OSError, LogUnavailable):
                os.close(self._file)
                raise
        except BlockingIOError as error:
            said = f"the seal key {path} is another process's; make a pair for each"
            raise LogUnavailable(said) from error
        except OSError as error:
            raise LogUnavailable(f"the seal key {path} cannot be used: {error.strerror}") from error

    def keep_up(self, now_seconds: float) -> float:
        """Move the key on to a time; return the time to tell, never before the key's."""
        minute = int(now_seconds // 60)
        if minute - self._key.minute > MOST_MINUTES:
            leap = OSError(f"the clock has leapt by more than {MOST_MINUTES} minutes")
            self._failures.note(self._moving, leap)
            return self._key.minute * 60.0
        if minute > self._key.minute:
            self._key.move_to(minute)
            self._write()
        # Its last microseconds might be rounded into the next one.
        return min(max(now_seconds, start_s := self._key.minute * 60.0), start_s + 59.999)

    def resume(self, number: int, minute: int, digest: str) -> None:
        """Go on after a checkpoint of the file, where it is newer than the key that was written."""
        if number > self._key.checkpoint:
            self._key.move_to(minute)
            self._key.note(number, digest)
        if number == self._key.checkpoint:  # else the file has lost some, and the link will say so
            self._linked_minute = minute

    def link(self) -> bytes | None:
        """Return what ties the next checkpoint to the one before, if that is of another minute."""
        is_linked = self._linked_minute == self._key.minute
        return None if is_linked else self._key.link.hex().encode()

    def sign(self, text: bytes) -> bytes:
        return self._key.sign(text).encode()

    def passed(self, number: int, digest: str) -> None:
        self._key.note(number, digest)
        self._linked_minute = self._key.minute
        self._write()

    def close(self) -> None:
        os.close(self._file)

    def _write(self) -> None:
        try:
            os.pwrite(self._file, self._key.record(), 0)
            self._failures.note(self._moving, None)
        except OSError as error:
            self._failures.note(self._moving, error)
