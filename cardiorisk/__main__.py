"""The command line's front door; a command's own file is read when the command is called."""

import click

from cardiorisk.cli.group import LazyGroup

SUMMARIES = {
    "serve": "Run the service.",
    "keys": "Make, list, end and replace API keys.",
    "accounts": "List accounts, change plan or password, name operators, suspend, delete.",
    "score": "Assess every row of a file.",
    "log": "Read the bitácora, the log of every request.",
    "db": "Bring the database up to date, and back it up.",
}
"""What each command does. ``NAME`` is the click command ``NAME`` in ``cardiorisk/cli/NAME.py``."""


@click.group("cardiorisk", cls=LazyGroup, summaries=SUMMARIES)
@click.version_option(package_name="cardiorisk", prog_name="cardiorisk")
def main() -> None:
    """Estimate cardiac risk from six values, as a service with API keys and plans.

    \b
    Start here:
      cardiorisk serve                        run the service; the first time, prints a demo key
      cardiorisk keys create --account ana    make a key for somebody
      cardiorisk COMMAND --help               what a command does, with examples

    Settings come from options, then CARDIORISK_* variables, then cardiorisk.toml, then defaults.
    A command ends with 0 when it is done, 1 when it failed and 2 when it was called wrongly.
    """  # noqa: D301 - click reads the \b


if __name__ == "__main__":
    main(prog_name="cardiorisk")
