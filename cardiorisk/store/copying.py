"""All rows of one database into another, whichever engines they are of."""

from collections.abc import Iterator

from sqlalchemy import Connection, Table, func, insert, select, text

from cardiorisk.errors import Conflict
from cardiorisk.store.database import Database, Rows
from cardiorisk.store.tables import AccountChange, Base, Node

_ROWS_AT_ONCE = 1_000
_OF_PROCESSES = {AccountChange.__tablename__, Node.__tablename__}  # of what runs now; not copied


def copy(source: Database, target: Database) -> Iterator[tuple[str, int, int]]:
    """Copy table by table in one transaction; yield each name, and how many rows of how many."""
    tables = [table for table in Base.metadata.sorted_tables if table.name not in _OF_PROCESSES]
    with source.reading() as found, target.writing() as made:
        if source.is_shared:  # where a reader sees many moments unless it asks for one
            found.execution_options(isolation_level="REPEATABLE READ")
        if taken := [table.name for table in tables if _count(made, table)]:
            raise Conflict(f"{target.name} has rows in {taken[0]}; name an empty database")
        for table in tables:
            whole, copied = _count(found, table), 0
            result = found.execute(select(table), execution_options={"yield_per": _ROWS_AT_ONCE})
            for batch in result.mappings().partitions():
                made.execute(insert(table), [dict(row) for row in batch])
                copied += len(batch)
                yield table.name, copied, whole
            if _count(made, table) != whole:
                raise Conflict(f"not all of the table {table.name} arrived; nothing was copied")
        _set_last_number(made, _last_number(found))


def _count(rows: Connection, table: Table) -> int:
    return rows.execute(select(func.count()).select_from(table)).scalar_one()


def _last_number(rows: Rows) -> int:
    statement = "SELECT max(seq) FROM sqlite_sequence WHERE name = 'account'"
    if rows.dialect.name == "postgresql":
        statement = "SELECT CASE WHEN is_called THEN last_value END FROM account_id_seq"
    return rows.execute(text(statement)).scalar_one() or 0


def _set_last_number(rows: Rows, number: int) -> None:
    if rows.dialect.name == "postgresql":
        rows.execute(text("SELECT setval('account_id_seq', :n) WHERE :n > 0"), {"n": number})
    elif number:
        rows.execute(text("DELETE FROM sqlite_sequence WHERE name = 'account'"))
        statement = text("INSERT INTO sqlite_sequence (name, seq) VALUES ('account', :n)")
        rows.execute(statement, {"n": number})
