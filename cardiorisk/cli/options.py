"""What the commands on accounts and keys have in common: an option, a type, a check.

Nothing here imports the settings or the database before a command runs, so ``--help`` is quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cardiorisk.errors import UnknownPlan

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cardiorisk.config import Settings

database_option = click.option(
    "--database-url",
    metavar="URL",
    help="The database.  [default: CARDIORISK_DATABASE_URL, else sqlite:///keys.db]",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Write a JSON array.")


class WholeNumber(click.IntRange):
    """A number in a range, which click itself calls "a valid integer range" when it is none."""

    name = "whole number"


class AccountName(click.ParamType[str]):
    """An account's name: 1 to 80 printable characters, no blank at either end."""

    name = "name"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name as given, or refuse it as wrong usage."""
        from cardiorisk.store.tables import NAME_CHARACTERS  # noqa: PLC0415 - keeps --help quick

        if not value or value != value.strip() or not value.isprintable():
            self.fail("must be printable and neither begin nor end with a blank", param, ctx)
        if len(value) > NAME_CHARACTERS:
            self.fail(f"must have at most {NAME_CHARACTERS} characters", param, ctx)
        return value


class KeyName(click.ParamType[str]):
    """What its owner calls a key."""

    name = "name"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name without the blanks at its ends, or refuse it as wrong usage."""
        from cardiorisk.identity.keys import NAME_RULE, clean_name  # noqa: PLC0415 - keeps --help quick

        name = clean_name(value)
        if name is None:
            self.fail(f"must be {NAME_RULE}", param, ctx)
        return name


class KeyId(click.ParamType[str]):
    """A key's name in ``keys list``. A whole key is refused, and never shown again."""

    name = "key_id"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the id as given, or refuse a key as wrong usage."""
        from cardiorisk.identity.keys import PREFIX  # noqa: PLC0415 - keeps --help quick

        if PREFIX in value:
            self.fail(
                "that is a key, not a KEY_ID; `cardiorisk keys list` shows the ids", param, ctx
            )
        return value


def settings_with(database_url: str | None) -> Settings:
    """Read the settings, the command's option first."""
    from cardiorisk.config import load_settings  # noqa: PLC0415 - keeps --help quick

    return load_settings({"database_url": database_url})


def require_plan(plan: str, plans: Iterable[str]) -> None:
    """Check that a plan is one of those in the settings.

    Raises:
        UnknownPlan: it is not.
    """
    if plan not in plans:
        raise UnknownPlan(
            f"there is no plan {plan}; there are {', '.join(plans)} (CARDIORISK_PLANS adds others)"
        )
