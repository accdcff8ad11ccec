"""``cardiorisk db``: bring the database to this version's revision, or tell which it has.

``current`` must not upgrade the file: it is asked before, to find out whether an upgrade is due.
"""

import click

from cardiorisk.cli.options import database_option
from cardiorisk.config import Settings
from cardiorisk.store.database import Database
from cardiorisk.store.migrations import revisions


@click.group()
def db() -> None:
    """Bring the database up to date.

    `cardiorisk serve` does so by itself when it starts; these commands are for doing it
    beforehand, and for finding out.
    """


@db.command()
@database_option
def upgrade(settings: Settings) -> None:
    """Apply the revisions the database lacks, making the file where there is none.

    All of them are applied or none is. Doing it again changes nothing.

    \b
    Examples:
      cardiorisk db upgrade
      cardiorisk db upgrade --database-url sqlite:////var/lib/cardiorisk/keys.db
    """  # noqa: D301 - click reads the \b
    with Database.open(settings.database_url) as database:
        click.echo(f"{database.path} is at revision {database.current_revision()}.", err=True)


@db.command()
@database_option
def current(settings: Settings) -> None:
    """Print the database's revision, alone, on standard output; "none" for an empty file.

    \b
    Example:
      cardiorisk db current
    """  # noqa: D301 - click reads the \b
    with Database.open_existing(settings.database_url) as database:
        revision = database.current_revision()
    click.echo(revision or "none")
    if revision != revisions.head():
        click.echo(f"This version of cardiorisk needs {revisions.head()}.", err=True)
