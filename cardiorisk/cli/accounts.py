"""``cardiorisk accounts``: see the accounts, change their plan or password, suspend, delete."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click

from cardiorisk.cli.group import CommandFailure, examples
from cardiorisk.cli.options import database_option, json_option, printable_name
from cardiorisk.cli.tables import show
from cardiorisk.config import Settings
from cardiorisk.identity.passwords import Passwords
from cardiorisk.identity.texts import LEAST_PASSWORD, MOST_PASSWORD, clean_password, folded
from cardiorisk.limits.window import require_plan
from cardiorisk.store import rows_accounts
from cardiorisk.store.database import Rows, open_current

_COLUMNS = {  # what is shown: an attribute of ``AccountRecord``
    "account": "name",
    "plan": "plan",
    "operator": "is_operator",
    **{name: name for name in ("active_keys", "created_at", "email", "suspended_at")},
}


@click.group()
def accounts() -> None:
    """See the accounts, change their plan or password, name operators, suspend, delete.

    An account is made with its first key: see `cardiorisk keys create --help`. What these
    commands change reaches a running server within a second.
    """


def _changes_one(example: str) -> Callable[[Callable[..., None]], click.Command]:
    """Make a command that takes an account's NAME, then its own arguments."""

    def make(function: Callable[..., None]) -> click.Command:
        taking = click.argument("name", type=printable_name)(database_option(function))
        return accounts.command(epilog=examples(example))(taking)

    return make


@accounts.command("list", epilog=examples("cardiorisk accounts list --json"))
@json_option
@database_option
def list_accounts(*, as_json: bool, settings: Settings) -> None:
    """List every account, its plan and how many active keys it has."""
    with open_current(settings.database_url) as database, database.reading() as rows:
        stored = rows_accounts.list_accounts(rows, datetime.now(UTC))
    cells = [[getattr(record, name) for name in _COLUMNS.values()] for record in stored]
    show([*_COLUMNS], cells, as_json=as_json)


@_changes_one("CARDIORISK_PLANS=team=600 cardiorisk accounts plan ana team")
@click.argument("plan")
def plan(name: str, plan: str, settings: Settings) -> None:
    """Put an account on a plan, which all of its keys share."""
    require_plan(plan, settings.plans)
    with _changing(settings, name) as (rows, account_id, now):
        rows_accounts.set_plan(rows, account_id, plan, now)
    click.echo(f"{name} is on {plan}: {settings.plans[plan]} requests a minute.", err=True)


@_changes_one("cardiorisk accounts operator ana on")
@click.argument("state", metavar="on|off", type=click.Choice(["on", "off"]))
def operator(name: str, state: str, settings: Settings) -> None:
    """Make an account an operator, or no longer one.

    An operator may reload the model, read /metrics from elsewhere and open the panel. The last one
    who is not suspended stays one, and can be neither suspended nor deleted: make another first.
    """
    with _changing(settings, name) as (rows, account_id, now):
        rows_accounts.set_operator(rows, account_id, now, is_operator=state == "on")
    click.echo(f"{name} is {'an' if state == 'on' else 'no'} operator.", err=True)


@_changes_one("cardiorisk accounts suspend ana")
def suspend(name: str, settings: Settings) -> None:
    """Refuse an account's keys, tokens and logins until it is resumed."""
    with _changing(settings, name) as (rows, account_id, now):
        rows_accounts.suspend(rows, account_id, now)
    click.echo(f"{name} is suspended.", err=True)


@_changes_one("cardiorisk accounts resume ana")
def resume(name: str, settings: Settings) -> None:
    """End an account's suspension."""
    with _changing(settings, name) as (rows, account_id, now):
        rows_accounts.resume(rows, account_id, now)
    click.echo(f"{name} is not suspended.", err=True)


@_changes_one("cardiorisk accounts delete ana --yes")
@click.option("--yes", is_flag=True, help="Do not ask; needed where nobody can be asked.")
def delete(name: str, *, yes: bool, settings: Settings) -> None:
    """Delete an account and all that is its, for good.

    That is its keys, sessions, kept assessments and use. Its lines in the bitácora stay, with key
    ids that name nobody. The name is free again.
    """
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


@_changes_one("openssl rand -base64 18 | tee /dev/tty | cardiorisk accounts password ana")
def password(name: str, settings: Settings) -> None:
    """Give an account a new password.

    It is asked for on a terminal, else read from standard input, one line; it has 8 to 128
    characters and is not the name. Every session and token of the account ends; its keys stay.
    """
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
        line = sys.stdin.buffer.readline(4 * MOST_PASSWORD + 2)
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
