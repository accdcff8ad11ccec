"""``cardiorisk db``: bring the database to this version's revision, tell which it has, copy it."""

import sys
from pathlib import Path

import click

from cardiorisk.cli.group import CommandFailure, examples
from cardiorisk.cli.options import database_option
from cardiorisk.config import Settings, load_settings
from cardiorisk.errors import StoreUnavailable
from cardiorisk.store.copying import copy
from cardiorisk.store.database import open_current, open_database, open_existing, revision_of
from cardiorisk.store.migrations import revisions
from cardiorisk.store.sqlite import SqliteDatabase
from cardiorisk.store.sqlite_file import back_up


@click.group()
def db() -> None:
    """Bring the database up to date, and back it up.

    `cardiorisk serve` brings it up to date by itself when it starts; `upgrade` and `current` are
    for doing it beforehand, and for finding out.
    """


@db.command(
    epilog=examples("cardiorisk db upgrade --database-url sqlite:////var/lib/cardiorisk/keys.db")
)
@database_option
def upgrade(settings: Settings) -> None:
    """Apply the revisions that the database lacks.

    All of them are applied or none is. Where there is no file, it is made. Doing it again changes
    nothing.
    """
    with open_database(settings.database_url) as database:
        click.echo(f"{database.name} is at revision {revision_of(database)}.", err=True)


@db.command(epilog=examples("cardiorisk db current"))
@database_option
def current(settings: Settings) -> None:
    """Print the database's revision, alone; "none" for an empty file."""
    with open_existing(settings.database_url) as database:
        revision = revision_of(database)
    click.echo(revision or "none")
    if revision != revisions.head():
        click.echo(f"This version of cardiorisk needs {revisions.head()}.", err=True)


@db.command(
    "copy",
    epilog=examples(
        "cardiorisk db copy sqlite:///keys.db postgresql+psycopg://user:password@host/name"
    ),
)
@click.argument("source_url", metavar="FROM_URL")
@click.argument("target_url", metavar="TO_URL")
def copy_database(source_url: str, target_url: str) -> None:
    """Copy all that one database holds into another, empty one.

    It moves a service from SQLite to PostgreSQL, or back: stop the service, copy, name the new
    database in CARDIORISK_DATABASE_URL, start. All of it is copied or nothing is: accounts, keys,
    sessions, kept assessments, calls by day, and the secret that tokens are signed with.
    """
    urls = [load_settings({"database_url": url}).database_url for url in (source_url, target_url)]
    copied: dict[str, int] = {}
    with open_current(urls[0]) as source, open_database(urls[1]) as target:
        for table, rows, whole in copy(source, target):
            copied[table] = rows
            if sys.stderr.isatty():
                click.echo(f"\r{table}: {rows:,} of {whole:,} rows ", nl=rows == whole, err=True)
    told = ", ".join(f"{table} {rows:,}" for table, rows in copied.items()) or "nothing"
    click.echo(f"{target.name} holds what {source.name} does: {told}.", err=True)


@db.command(epilog=examples('cardiorisk db backup "/var/backups/cardiorisk/$(date +%F).db"'))
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@database_option
def backup(file: Path, settings: Settings) -> None:
    """Copy the database to FILE, while it is in use.

    FILE is the database as it was at one moment, checked, readable by its owner alone, and one
    file by itself. It has its name when it is finished, and a file that exists is never replaced.
    It holds the accounts, kept assessments and hashes of passwords and keys: keep it as safe as
    the database. docs/backup.md tells how to restore it.
    """
    with open_existing(settings.database_url) as database:
        if not isinstance(database, SqliteDatabase):
            raise CommandFailure("back PostgreSQL up with its own pg_dump: docs/backup.md")
        revision = revision_of(database)
        if revision is None:
            raise StoreUnavailable(f"{database.name} has no tables: there is nothing to copy")
        back_up(database.path, file)
    told = f"{database.name} at revision {revision}: {file.stat().st_size / 1e6:,.1f} MB"
    click.echo(f"{file} holds {told}.", err=True)
