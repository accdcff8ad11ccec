"""``cardiorisk accounts``: see the accounts, change their plan or password, suspend, delete."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click

from cardiorisk.cli.group import CommandFailure
from cardiorisk.cli.options import database_option, json_option, printable_name, show
from cardiorisk.config import Settings
from cardiorisk.identity.passwords import Passwords
from cardiorisk.identity.texts import LEAST_PASSWORD, MOST_PASSWORD, clean_password, folded
from cardiorisk.limits.window import require_plan
from cardiorisk.store import rows_accounts
from cardiorisk.store.database import Rows, open_current

_COLUMNS = ("name", "plan", "is_operator", "active_keys", "created_at", "email", "suspended_at")
"""Attributes of ``AccountRecord``; two of them are shown by shorter names."""
_TITLES = {"name": "account", "is_operator": "operator"}


@click.group()
def accounts() -> None:
    """See the accounts, change their plan or password, name operators, suspend, delete.

    An account is made with its first key: see `cardiorisk keys create --help`. What these
    commands change reaches a running server within a second.
    """


def _changes_one(function: Callable[..., None]) -> click.Command:
    """Make a command of it that takes an account's NAME, then its own arguments."""
    return accounts.command()(
        click.argument("name", type=printable_name)(database_option(function))
    )


@accounts.command("list")
@json_option
@database_option
def list_accounts(*, as_json: bool, settings: Settings) -> None:
    """List every account, its plan and how many active keys it has.

    \b
    Example:
      cardiorisk accounts list --json
    """  # noqa: D301 - click reads the \b
    with open_current(settings.database_url) as database, database.reading() as rows:
        stored = rows_accounts.list_accounts(rows, datetime.now(UTC))
    cells = [[getattr(record, name) for name in _COLUMNS] for record in stored]
    show([_TITLES.get(name, name) for name in _COLUMNS], cells, as_json=as_json)


@_changes_one
@click.argument("plan")
def plan(name: str, plan: str, settings: Settings) -> None:
    """Put an account on a plan, which all of its keys share.

    \b
    Example:
      CARDIORISK_PLANS=team=600 cardiorisk accounts plan ana team
    """  # noqa: D301 - click reads the \b
    require_plan(plan, settings.plans)
    with _changing(settings, name) as (rows, account_id, now):
        record = rows_accounts.set_plan(rows, account_id, plan, now)
    quota = settings.plans[record.plan]
    click.echo(f"{record.name} is on {record.plan}: {quota} requests a minute.", err=True)


@_changes_one
@click.argument("state", metavar="on|off", type=click.Choice(["on", "off"]))
def operator(name: str, state: str, settings: Settings) -> None:
    """Make an account an operator, or no longer one.

    An operator may reload the model, read /metrics from elsewhere and open the panel. The last one
    who is not suspended stays one, and can be neither suspended nor deleted: make another first.

    \b
    Example:
      cardiorisk accounts operator ana on
    """  # noqa: D301 - click reads the \b
    with _changing(settings, name) as (rows, account_id, now):
        record = rows_accounts.set_operator(rows, account_id, now, is_operator=state == "on")
    click.echo(f"{record.name} is {'an' if record.is_operator else 'no'} operator.", err=True)


@_changes_one
def suspend(name: str, settings: Settings) -> None:
    """Refuse an account's keys, tokens and logins until it is resumed.

    Nothing is deleted: its keys and what it has kept are there again afterwards.

    \b
    Example:
      cardiorisk accounts suspend ana
    """  # noqa: D301 - click reads the \b
    with _changing(settings, name) as (rows, account_id, now):
        record = rows_accounts.suspend(rows, account_id, now)
    click.echo(f"{record.name} is suspended.", err=True)


@_changes_one
def resume(name: str, settings: Settings) -> None:
    """End an account's suspension.

    \b
    Example:
      cardiorisk accounts resume ana
    """  # noqa: D301 - click reads the \b
    with _changing(settings, name) as (rows, account_id, now):
        record = rows_accounts.resume(rows, account_id, now)
    click.echo(f"{record.name} is not suspended.", err=True)


@_changes_one
@click.option("--yes", is_flag=True, help="Do not ask; needed where nobody can be asked.")
def delete(name: str, *, yes: bool, settings: Settings) -> None:
    """Delete an account and all that is its, for good.

    That is its keys, sessions, kept assessments and use. Its lines in the bitácora stay, with key
    ids that name nobody. The name is free again.

    \b
    Example:
      cardiorisk accounts delete ana --yes
    """  # noqa: D301 - click reads the \b
    with _changing(settings, name) as (rows, account_id, now):
        account = rows_accounts.load(rows, account_id, now)
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("nobody can be asked here: give --yes to delete for good")
        what = f"{account.name}, its {account.active_keys} active keys and all that it has kept"
        click.confirm(f"Delete {what}, for good?", abort=True, err=True)
    with _changing(settings, name) as (rows, _, now):
        rows_accounts.remove(rows, account.account_id, now)
    click.echo(f"{account.name} is deleted, with all that was its.", err=True)


@_changes_one
def password(name: str, settings: Settings) -> None:
    """Give an account a new password.

    It is for one that is lost, or for an account that has none. It is asked for on a terminal, else
    read from standard input, one line; it has 8 to 128 characters and is not the name. Every
    session and token of the account ends; its keys stay.

    \b
    Examples:
      cardiorisk accounts password ana
      openssl rand -base64 18 | tee /dev/tty | cardiorisk accounts password ana
    """  # noqa: D301 - click reads the \b
    with _changing(settings, name):
        pass  # who mistypes the name is told before a password is asked for
    new = _new_password(name)
    passwords = Passwords()
    try:
        password_hash = asyncio.run(passwords.hash(new))
    finally:
        passwords.close()
    with _changing(settings, name) as (rows, account_id, _):
        rows_accounts.set_password(rows, account_id, None, password_hash)
    click.echo(f"{name} has a new password; its sessions have ended, its keys stay.", err=True)


def _new_password(name: str) -> str:
    if sys.stdin.isatty():
        given = click.prompt("New password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        most = 4 * MOST_PASSWORD + 2
        line = sys.stdin.buffer.readline(most)
        given = line.decode(errors="surrogateescape").rstrip("\r\n")
    new = clean_password(given)
    if new is None or folded(new) == folded(name):
        rule = f"{LEAST_PASSWORD} to {MOST_PASSWORD} characters and not be the name"
        raise CommandFailure(f"the password must have {rule}; nothing has changed")
    return new


@contextmanager
def _changing(settings: Settings, name: str) -> Iterator[tuple[Rows, int, datetime]]:
    """Begin a transaction; give it, the number of the account of this name, and this moment."""
    with open_current(settings.database_url) as database, database.writing() as rows:
        yield rows, rows_accounts.require_id(rows, name), datetime.now(UTC)
