"""``cardiorisk db``: bring the database to this version's revision, tell which it has, copy it."""

from pathlib import Path

import click

from cardiorisk.cli.group import CommandFailure
from cardiorisk.cli.options import database_option
from cardiorisk.config import Settings
from cardiorisk.errors import StoreUnavailable
from cardiorisk.store.database import (
    is_postgres,
    open_database,
    open_existing,
    path_of,
    revision_of,
)
from cardiorisk.store.migrations import revisions
from cardiorisk.store.sqlite_file import back_up


@click.group()
def db() -> None:
    """Bring the database up to date, and back it up.

    `cardiorisk serve` brings it up to date by itself when it starts; `upgrade` and `current` are
    for doing it beforehand, and for finding out.
    """


@db.command()
@database_option
def upgrade(settings: Settings) -> None:
    """Apply the revisions that the database lacks.

    All of them are applied or none is. Where there is no file, it is made. Doing it again changes
    nothing.

    \b
    Example:
      cardiorisk db upgrade --database-url sqlite:////var/lib/cardiorisk/keys.db
    """  # noqa: D301 - click reads the \b
    with open_database(settings.database_url) as database:
        click.echo(f"{database.name} is at revision {revision_of(database)}.", err=True)


@db.command()
@database_option
def current(settings: Settings) -> None:
    """Print the database's revision, alone; "none" for an empty file.

    \b
    Example:
      cardiorisk db current
    """  # noqa: D301 - click reads the \b
    with open_existing(settings.database_url) as database:
        revision = revision_of(database)
    click.echo(revision or "none")
    if revision != revisions.head():
        click.echo(f"This version of cardiorisk needs {revisions.head()}.", err=True)


@db.command()
@click.argument("copy", metavar="FILE", type=click.Path(path_type=Path))
@database_option
def backup(copy: Path, settings: Settings) -> None:
    """Copy the database to FILE, while it is in use.

    FILE is the database as it was at one moment, checked, readable by its owner alone, and one
    file by itself. It has its name when it is finished, and a file that exists is never replaced.
    It holds the accounts, kept assessments and hashes of passwords and keys: keep it as safe as
    the database. docs/backup.md tells how to restore it.

    \b
    Example:
      cardiorisk db backup "/var/backups/cardiorisk/$(date +%F).db"
    """  # noqa: D301 - click reads the \b
    if is_postgres(settings.database_url):
        raise CommandFailure("this is for SQLite; back PostgreSQL up with pg_dump: docs/backup.md")
    path = path_of(settings.database_url)
    with open_existing(settings.database_url) as database:
        revision = revision_of(database)
        if revision is None:
            raise StoreUnavailable(f"{path} has no tables: there is nothing to copy")
        back_up(path, copy)
    megabytes = copy.stat().st_size / 1e6
    click.echo(f"{copy} holds {path} at revision {revision}: {megabytes:,.1f} MB.", err=True)
