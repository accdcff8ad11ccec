"""The engine that is PostgreSQL: look-ups in autocommit, so that none waits behind a commit.

A server that is away is not waited for by everybody: after a failure, all are refused for a second.
"""

import time
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DataError, DBAPIError, OperationalError, SQLAlchemyError

from cardiorisk.errors import Conflict, InvalidKey, StoreUnavailable
from cardiorisk.store import rows_changes
from cardiorisk.store.migrations import revisions

CONNECT_SECONDS = 2  # as short as psycopg lets it be
ANSWER_SECONDS = 2.0  # the service waits for an answer; the database gives up a little sooner
AWAY_SECONDS = 1.0
_FOREIGN_KEY, _UNIQUE, _LOCKED = "23503", "23505", "55P03"
# How the codes begin of a connection that is broken, a server that stops or starts, or is full.
_AWAY = ("08", "57P", "53300")


class PostgresDatabase:
    """One database of a server; any thread may use it. No message holds the password.

    A statement waits ``busy_seconds`` for another process's lock; where ``is_served``, nobody waits
    for an answer that is long in coming.
    """

    is_shared = True
    readers, writers = 4, 2
    fault: str | None = None

    def __init__(self, url: URL, busy_seconds: float, *, is_served: bool = False) -> None:
        self.name = f"{url.database} at {url.host or 'this machine'}"
        self.busy_seconds = busy_seconds
        self._away_until = 0.0
        options = f"-c lock_timeout={round(1000 * busy_seconds)}"
        if is_served:
            options += f" -c statement_timeout={round(900 * ANSWER_SECONDS)}"
            options += f" -c idle_in_transaction_session_timeout={round(5000 * ANSWER_SECONDS)}"
        answer_seconds = ANSWER_SECONDS if is_served else None
        self._writes = _engine(url, options, answer_seconds, pool_size=self.writers)
        self._reads = _engine(
            url, options, answer_seconds, pool_size=self.readers, isolation_level="AUTOCOMMIT"
        )

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Read statement by statement, each of which sees its own moment."""
        with self._translated(), self._reads.connect() as rows:
            yield rows

    @contextmanager
    def writing(self, waited_seconds: float = 0.0) -> Iterator[Connection]:  # noqa: ARG002 - as the other engine's
        with self._translated(), self._writes.begin() as rows:
            rows_changes.start(rows)
            yield rows
            rows_changes.publish(rows)

    def upgrade(self) -> None:
        with self.writing() as rows:
            rows.exec_driver_sql("SET LOCAL lock_timeout = 0")
            rows_changes.lock(rows, rows_changes.Lock.REVISIONS)
            revisions.upgrade(rows)

    def changes_since(self, last: int | None) -> tuple[int, AbstractSet[int] | None]:
        with self.reading() as rows:
            return rows_changes.since(rows, last)

    def probe(self) -> bool:
        """Write to the disk what stands there; return False where another process has the lock."""
        try:
            with self.writing() as rows:
                rows.exec_driver_sql("UPDATE alembic_version SET version_num = version_num")
        except StoreUnavailable as error:
            if _code_of(error.__cause__) == _LOCKED:
                return False
            raise
        return True

    def mend(self) -> None:
        """Do nothing: a server that is away is asked anew each time."""

    def close(self) -> None:
        """Close the connections; whoever asks all the same opens others."""
        self._reads.dispose()
        self._writes.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        if time.monotonic() < self._away_until:
            raise StoreUnavailable(f"{self.name} cannot be used: it was away a moment ago")
        try:
            yield
        except (SQLAlchemyError, UnicodeError) as error:
            code = _code_of(error)
            if code == _FOREIGN_KEY:
                raise InvalidKey("the account has been deleted") from error
            if code == _UNIQUE:
                raise Conflict("somebody did the same at the same moment; try again") from error
            if isinstance(error, DataError | UnicodeError):
                raise Conflict("there is a text or a number that cannot be stored") from error
            if isinstance(error, OperationalError) and (not code or code.startswith(_AWAY)):
                self._away_until = time.monotonic() + AWAY_SECONDS
                if error.connection_invalidated:  # or the other pool's would fail once it is back
                    self.close()
            raise StoreUnavailable(f"{self.name} cannot be used: {_reason_of(error)}") from error


def _code_of(error: BaseException | None) -> str:
    """Return the server's own code of a failure; empty where it was not reached."""
    return getattr(error.orig, "sqlstate", "") or "" if isinstance(error, DBAPIError) else ""


def _reason_of(error: BaseException) -> str:
    """Return the server's words without its details, which hold values."""
    cause = getattr(error, "orig", error)
    words = getattr(getattr(cause, "diag", None), "message_primary", None) or str(cause)
    return " ".join(words.split())


def _engine(url: URL, options: str, answer_seconds: float | None, **settings: Any) -> Engine:
    try:
        import psycopg  # noqa: PLC0415 - only who sets such a URL needs it
    except ImportError as error:
        needed = "a PostgreSQL database needs psycopg: pip install 'cardiorisk[cluster]'"
        raise StoreUnavailable(needed) from error

    class ImpatientConnection(psycopg.Connection):
        """One that is closed when the server does not answer in time, as one that is stopped."""

        def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
            try:
                return super().wait(gen, interval, timeout or answer_seconds)
            except BaseException:
                if self.info.transaction_status == psycopg.pq.TransactionStatus.ACTIVE:
                    self.close()
                raise

    timeouts = {"connect_timeout": CONNECT_SECONDS, "tcp_user_timeout": 5000}
    engine = create_engine(url, max_overflow=0, hide_parameters=True, **settings)

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, place: Any, given: dict[str, Any]) -> Any:
        return ImpatientConnection.connect(*place, **({"options": options} | timeouts | given))

    return engine
