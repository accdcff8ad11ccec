"""The table of processes: which network each runs, and which one all are to run."""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, select, text

from cardiorisk.store import rows_changes
from cardiorisk.store.database import Rows
from cardiorisk.store.tables import Node, UtcDateTime
from cardiorisk.store.values import NodeRecord

EVERY_NODE = "*"  # in the place of a name: what an operator wants all to run
EXPIRES_AFTER = timedelta(seconds=90)

_PUT = text(
    "INSERT INTO node (name, model_version, fault, seen_at) VALUES (:name, :version, :fault, :now) "
    "ON CONFLICT (name) DO UPDATE SET model_version = excluded.model_version, "
    "fault = excluded.fault, seen_at = excluded.seen_at"
).bindparams(bindparam("now", type_=UtcDateTime))


def announce(
    rows: Rows, name: str, version: str | None, fault: str | None, now: datetime
) -> tuple[NodeRecord, ...]:
    """Note what a process runs; return what all that are there do, by name, and what is wanted."""
    is_gone = Node.seen_at < now - EXPIRES_AFTER, Node.name != EVERY_NODE
    rows.execute(delete(Node).where(*is_gone))
    rows.execute(_PUT, {"name": name, "version": version, "fault": fault, "now": now})
    found = select(Node.name, Node.model_version, Node.fault, Node.seen_at).order_by(Node.name)
    return tuple(NodeRecord(*row) for row in rows.execute(found))


def want(rows: Rows, version: str, now: datetime) -> None:
    rows.execute(_PUT, {"name": EVERY_NODE, "version": version, "fault": None, "now": now})
    rows_changes.note(rows, rows_changes.NETWORK)
