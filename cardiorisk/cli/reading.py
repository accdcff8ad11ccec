"""How a file is to be read, as options that ``score`` and ``train.py`` share."""

import codecs
import functools
from collections.abc import Callable
from typing import Any

import click

from cardiorisk.files.columns import UNITS, Reading, find_field

_SEPARATORS = {"tab": "\t", "\\t": "\t"}


def separator(said: str) -> str:
    sign = _SEPARATORS.get(said.lower(), said)
    if len(sign) != 1 or not sign.isascii() or sign.isalnum() or sign in '"\r\n.+-':
        raise click.BadParameter("must be one character, such as , ; | or tab")
    return sign


def encoding(said: str) -> str:
    try:
        "".encode(said)
        codecs.getincrementaldecoder(said)("replace").decode(b"")
    except (LookupError, ValueError) as error:
        raise click.BadParameter("unknown; try utf-8, cp1252, latin-1 or utf-16") from error
    return said


def column(said: str) -> tuple[str, str]:
    ours, _, theirs = said.partition("=")
    field = find_field(ours)
    if field is None or not theirs.strip():
        raise click.BadParameter(
            f"{said!r} is not OURS=THEIRS, as in colesterol=chol; ours are colesterol, presion, "
            "glucosa, edad, sobrepeso, tabaquismo and riesgo_cardiaco"
        )
    return field.wire_name, theirs


_OPTIONS = (
    click.option("--sep", type=separator, metavar="CHAR", help="Between cells: , ; | tab…"),
    click.option("--decimal", type=click.Choice([".", ","]), help="The decimal mark."),
    click.option("--encoding", type=encoding, metavar="NAME", help="utf-8, cp1252, utf-16…"),
    click.option(
        "--units",
        type=click.Choice(list(UNITS), case_sensitive=False),
        multiple=True,
        metavar=f"[{'|'.join(UNITS)}]",
        help="Of cholesterol and sugar, and mmHg for the pressure; may be given twice. With mg/dL "
        "or mmol/L a pressure from 10 on is taken for mmHg.  [default: g/L and 100 mmHg]",
    ),
    click.option(
        "--column",
        "columns",
        type=column,
        multiple=True,
        metavar="OURS=THEIRS",
        help="What a column is called in the file, as in colesterol=chol; may be repeated.",
    ),
)


def reading_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options; the command gets them as its argument ``reading``."""

    @functools.wraps(command)
    def reads(*arguments: Any, **options: Any) -> None:
        names = ("sep", "decimal", "encoding", "units", "columns")
        sign, mark, coding, units, columns = [options.pop(name) for name in names]
        if len({*units} - {"mmHg"}) > 1:
            raise click.UsageError("--units: one for cholesterol and sugar, and mmHg")
        if len({*columns}) > len(dict(columns)):
            raise click.UsageError("--column: one of ours cannot be two of theirs")
        command(*arguments, reading=Reading(sign, mark, coding, units, dict(columns)), **options)

    for option in reversed(_OPTIONS):
        reads = option(reads)
    return reads
