"""``cardiorisk keys``: make, list, end and replace API keys.

A key is written to standard output once, and alone there.
"""

from datetime import UTC, datetime, timedelta
from typing import BinaryIO

import click

from cardiorisk.cli.group import CommandFailure, WholeNumber, examples, require_stdout
from cardiorisk.cli.options import database_option, json_option, key_id, printable_name
from cardiorisk.cli.tables import iso, show
from cardiorisk.config import Settings
from cardiorisk.identity import keys as rules
from cardiorisk.limits.window import require_below, require_plan
from cardiorisk.store import rows_accounts, rows_keys
from cardiorisk.store.database import open_current, open_database
from cardiorisk.store.values import KeyRecord, MintedKey

_COLUMNS = (
    *("key_id", "account", "plan", "prefix", "status"),
    *("created_at", "expires_at", "revoked_at", "last_used_at", "name", "limit"),
)


@click.group()
def keys() -> None:
    """Make, list, end and replace API keys.

    A key is shown once, when it is made; only its SHA-256 is kept. What these commands change
    reaches a running server within a second.
    """


@keys.command(
    epilog=examples(
        "KEY=$(cardiorisk keys create --account ana)",
        'cardiorisk keys create --account hospital --plan premium --expires 90 --name "front desk"',
        "cardiorisk keys create --account hospital --key-file old.key",
    )
)
@click.option("--account", type=printable_name, metavar="NAME", required=True, help="Whose it is.")
@click.option(
    "--plan",
    help="A new account's plan: freemium, premium, one of CARDIORISK_PLANS.  [default: freemium]",
)
@click.option(
    "--expires",
    "expires_days",
    type=WholeNumber(1, rules.LONGEST_LIFETIME_DAYS),
    metavar="DAYS",
    help="Days until the key ends.  [default: never]",
)
@click.option(
    "--limit",
    type=WholeNumber(1, rules.LARGEST_KEY_LIMIT),
    metavar="N",
    help="Requests a minute, fewer than the account's plan allows.  [default: its account's]",
)
@click.option("--name", type=printable_name, metavar="NAME", help="What to call the key.")
@click.option(
    "--key-file",
    type=click.File("rb"),
    metavar="FILE",
    help="Import the key in this file, or in standard input (-), and print nothing.",
)
@database_option
def create(
    account: str,
    plan: str | None,
    expires_days: int | None,
    limit: int | None,
    name: str | None,
    key_file: BinaryIO | None,
    settings: Settings,
) -> None:
    """Make a key and print it, alone, on standard output.

    The account is made where there is none of this name. All its keys draw on its plan's requests
    a minute; one with a limit may use up no more of them than that, manages no other key and has
    no operator's rights.

    A key that callers use already is imported from a file: 24 to 128 printable ASCII characters in
    one line, without blanks, as random as ours: no common words, no repetition or counting, digits
    and letters mixed all through. Replace it with `keys rotate` when its callers can change.
    """
    if plan is not None:
        require_plan(plan, settings.plans)
    imported = None if key_file is None else _read_key(key_file)
    if imported is None:
        require_stdout("a new key")
    lifetime = None if expires_days is None else timedelta(days=expires_days)
    now = datetime.now(UTC)
    with open_database(settings.database_url) as database, database.writing() as rows:
        account_id = rows_accounts.find_or_create(rows, account, plan, now)
        minted = rows_keys.create(rows, account_id, now, lifetime, name, limit, None, imported)
        require_below(limit, minted.record.plan, settings.plans)  # else nothing is made after all
    if imported is None:
        _show_key(minted)
    else:
        _tell(minted.record, "Its callers go on as before.")


@keys.command(
    "list",
    epilog=examples("cardiorisk keys list --json | jq -r '.[] | select(.status == \"active\")'"),
)
@json_option
@database_option
def list_keys(*, as_json: bool, settings: Settings) -> None:
    """List every key, ended ones too, without the keys themselves."""
    with open_current(settings.database_url) as database, database.reading() as rows:
        stored = rows_keys.list_keys(rows)
    now = datetime.now(UTC)
    table = [
        [record.status(now) if name == "status" else getattr(record, name) for name in _COLUMNS]
        for record in stored
    ]
    show(_COLUMNS, table, as_json=as_json)


@keys.command(epilog=examples("cardiorisk keys revoke key_0123456789ab"))
@click.argument("key_id", type=key_id)
@database_option
def revoke(key_id: str, settings: Settings) -> None:
    """End a key for good. KEY_ID is its name in `cardiorisk keys list`, not the key."""
    with open_current(settings.database_url) as database, database.writing() as rows:
        record = rows_keys.revoke(rows, key_id, datetime.now(UTC))
    click.echo(f"{key_id} of {record.account} ended {_end(record)}.", err=True)


@keys.command(epilog=examples("cardiorisk keys rotate key_0123456789ab --grace 60"))
@click.argument("key_id", type=key_id)
@click.option(
    "--grace",
    "grace_minutes",
    type=WholeNumber(0, rules.LONGEST_GRACE_MINUTES),
    default=0,
    show_default=True,
    metavar="MINUTES",
    help="How long the old key still works.",
)
@database_option
def rotate(key_id: str, grace_minutes: int, settings: Settings) -> None:
    """Replace a key: print a new one and end the old one.

    The new key belongs to the same account, lives as long as the old one was meant to, and shares
    its limit where it has one of its own.
    """
    require_stdout("a new key")
    grace = timedelta(minutes=grace_minutes)
    with open_current(settings.database_url) as database, database.writing() as rows:
        rotation = rows_keys.rotate(rows, key_id, grace, datetime.now(UTC))
    _show_key(rotation.new)
    click.echo(f"The old key, {key_id}, ends {_end(rotation.old)}.", err=True)


def _show_key(minted: MintedKey) -> None:
    record = minted.record
    try:
        click.echo(minted.key)
    except OSError as error:
        raise CommandFailure(
            f"{record.key_id} was made but could not be shown ({error.strerror}); "
            f"end it with `cardiorisk keys revoke {record.key_id}`"
        ) from error
    _tell(record, "The key is shown only this once.")


def _tell(record: KeyRecord, what: str) -> None:
    ending = "never ends" if record.expires_at is None else f"ends {iso(record.expires_at)}"
    limit = "" if record.limit is None else f", {record.limit} requests a minute"
    whose = f"{record.key_id} of {record.account} ({record.plan}{limit})"
    click.echo(f"{whose} {ending}. {what}", err=True)


def _read_key(file: BinaryIO) -> str:
    text = file.read(rules.MOST_IMPORTED + 3).decode("latin-1")
    key = text.removesuffix("\n").removesuffix("\r")
    if (weak := rules.weakness(key)) is not None:
        raise CommandFailure(f"the key {weak}; see `cardiorisk keys create --help`")
    return key


def _end(record: KeyRecord) -> str:
    moment = record.revoked_at or record.expires_at
    return "never" if moment is None else iso(moment)
