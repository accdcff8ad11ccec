"""``cardiorisk accounts``: see the accounts, change their plan, name operators, suspend.

It never makes a database: an account comes with its first key, from ``cardiorisk keys create``.
"""

from __future__ import annotations

import click

from cardiorisk.cli.listing import show_json, show_list
from cardiorisk.cli.options import (
    AccountName,
    database_option,
    json_option,
    require_plan,
    settings_with,
)

_COLUMNS = ("account", "plan", "operator", "active_keys", "created_at", "email", "suspended_at")


@click.group()
def accounts() -> None:
    """See the accounts, change their plan, name operators, suspend.

    An account is made with its first key: see `cardiorisk keys create --help`. What these
    commands change reaches a running server within a second.
    """


@accounts.command("list")
@json_option
@database_option
def list_accounts(*, as_json: bool, database_url: str | None) -> None:
    """List every account with its plan and how many of its keys work now.

    \b
    Examples:
      cardiorisk accounts list
      cardiorisk accounts list --json
    """  # noqa: D301 - click reads the \b
    from cardiorisk.store.records import Records  # noqa: PLC0415 - keeps --help quick

    with Records.open_existing(settings_with(database_url).database_url) as records:
        stored = records.list_accounts()
    rows = [
        (
            record.name,
            record.plan,
            record.is_operator,
            record.active_keys,
            record.created_at,
            record.email,
            record.suspended_at,
        )
        for record in stored
    ]
    show = show_json if as_json else show_list
    show(_COLUMNS, rows)


@accounts.command()
@click.argument("name", type=AccountName())
@click.argument("plan")
@database_option
def plan(name: str, plan: str, database_url: str | None) -> None:
    """Put an account on a plan, which all of its keys share.

    \b
    Examples:
      cardiorisk accounts plan ana premium
      CARDIORISK_PLANS=team=600 cardiorisk accounts plan ana team
    """  # noqa: D301 - click reads the \b
    from cardiorisk.store.records import Records  # noqa: PLC0415 - keeps --help quick

    settings = settings_with(database_url)
    require_plan(plan, settings.plans)
    with Records.open_existing(settings.database_url) as records:
        record = records.set_plan(name, plan)
    quota = settings.plans[record.plan]
    click.echo(f"{record.name} is on {record.plan}: {quota} requests a minute.", err=True)


@accounts.command()
@click.argument("name", type=AccountName())
@click.argument("state", metavar="[on|off]", type=click.Choice(["on", "off"]))
@database_option
def operator(name: str, state: str, database_url: str | None) -> None:
    """Make an account an operator, or no longer one.

    An operator may reload the model, read /metrics from elsewhere and open the panel.

    \b
    Example:
      cardiorisk accounts operator ana on
    """  # noqa: D301 - click reads the \b
    from cardiorisk.store.records import Records  # noqa: PLC0415 - keeps --help quick

    with Records.open_existing(settings_with(database_url).database_url) as records:
        record = records.set_operator(name, is_operator=state == "on")
    click.echo(f"{record.name} is {'an' if record.is_operator else 'no'} operator.", err=True)


@accounts.command()
@click.argument("name", type=AccountName())
@database_option
def suspend(name: str, database_url: str | None) -> None:
    """Refuse an account's keys, tokens and logins until it is resumed.

    Nothing is deleted: its keys and what it has kept are there again afterwards. Its owner is told
    with 403 and the code "suspended".

    \b
    Example:
      cardiorisk accounts suspend ana
    """  # noqa: D301 - click reads the \b
    from cardiorisk.store.records import Records  # noqa: PLC0415 - keeps --help quick

    with Records.open_existing(settings_with(database_url).database_url) as records:
        record = records.suspend(name)
    click.echo(f"{record.name} is suspended.", err=True)


@accounts.command()
@click.argument("name", type=AccountName())
@database_option
def resume(name: str, database_url: str | None) -> None:
    """End an account's suspension.

    \b
    Example:
      cardiorisk accounts resume ana
    """  # noqa: D301 - click reads the \b
    from cardiorisk.store.records import Records  # noqa: PLC0415 - keeps --help quick

    with Records.open_existing(settings_with(database_url).database_url) as records:
        record = records.resume(name)
    click.echo(f"{record.name} is not suspended.", err=True)
