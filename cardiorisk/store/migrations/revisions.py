"""Which revision a database is at, which one this version needs, and the way between.

The names of the files number the revisions, as to import Alembic costs a command 0.1 s. A new
database on PostgreSQL begins with the tables as declared; 0001 to 0006 are for SQLite.
"""

from pathlib import Path
from typing import cast

from sqlalchemy import Connection, inspect

from cardiorisk.errors import StoreUnavailable
from cardiorisk.store.tables import Base

SCRIPTS = Path(__file__).parent
_ADDS_TO = "."  # in 0008.0006: code that knows 0006 works with it, as nothing was taken or changed


def known() -> list[str]:
    return sorted(file.name.split("_")[0] for file in (SCRIPTS / "versions").glob("[0-9]*.py"))


def head() -> str:
    return known()[-1]


def current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version")
    return cast("str | None", found.scalar_one_or_none())


def require_head(connection: Connection) -> None:
    found, place = _known_or_none(connection), connection.engine.url.database
    if found is None:
        raise StoreUnavailable(f"{place} has no tables; run `cardiorisk db upgrade`")
    if found in known()[:-1]:
        due = f"{place} is at revision {found} and this version needs {head()}"
        raise StoreUnavailable(f"{due}; run `cardiorisk db upgrade`")


def upgrade(connection: Connection) -> None:
    """Apply what is missing, inside the caller's transaction; a newer version's is refused."""
    found = _known_or_none(connection)
    if found not in {None, *known()[:-1]}:
        return
    from alembic import command  # noqa: PLC0415 - slow to import, seldom needed
    from alembic.config import Config  # noqa: PLC0415 - likewise

    config = Config()
    # A lone per cent sign in the path would be read as the start of a substitution.
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    if found is None and connection.dialect.name == "postgresql":
        Base.metadata.create_all(connection)
        command.stamp(config, "head")
    else:
        command.upgrade(config, "head")


def _known_or_none(connection: Connection) -> str | None:
    found = current(connection)
    adds_to = (found or "").partition(_ADDS_TO)[2]
    is_newer = found not in {None, *known()}
    if is_newer and not "" < adds_to <= head().partition(_ADDS_TO)[0]:
        raise StoreUnavailable(
            f"{connection.engine.url.database} was made by a newer version of cardiorisk (revision "
            f"{found}; this one knows none after {head()}); install that or name another database"
        )
    return found
