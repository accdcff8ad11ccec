"""How a file is to be read, as options that ``score`` and ``train.py`` share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from cardiorisk.files.columns import UNITS, Reading, find_field

_SEPARATORS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "bar": "|", "pipe": "|"}


def _separator(_context: click.Context, _option: click.Parameter, said: str | None) -> str | None:
    if said is None:
        return None
    sign = _SEPARATORS.get(said.lower(), said)
    if len(sign) != 1 or not sign.isascii() or sign.isalnum() or sign in '"\r\n.+-':
        raise click.BadParameter("must be one character, such as , ; | or tab")
    return sign


def _encoding(_context: click.Context, _option: click.Parameter, said: str | None) -> str | None:
    if said is not None:
        try:
            "".encode(said)
        except (LookupError, ValueError) as error:
            raise click.BadParameter(
                f"{said!r} is no encoding; try utf-8, cp1252, latin-1 or utf-16"
            ) from error
    return said


def _units(
    _context: click.Context, _option: click.Parameter, said: tuple[str, ...]
) -> tuple[str, ...]:
    if len({unit for unit in said if unit != "mmHg"}) > 1:
        raise click.BadParameter("one unit for cholesterol and sugar, and mmHg for the pressure")
    return tuple(dict.fromkeys(said))


def _columns(
    _context: click.Context, _option: click.Parameter, said: tuple[str, ...]
) -> dict[str, str]:
    columns: dict[str, str] = {}
    for pair in said:
        ours, equals, theirs = pair.partition("=")
        field = find_field(ours)
        if not equals or not theirs.strip() or field is None:
            raise click.BadParameter(
                f"{pair!r} is not OURS=THEIRS, as in colesterol=chol; ours are colesterol, "
                "presion, glucosa, edad, sobrepeso, tabaquismo and riesgo_cardiaco"
            )
        if columns.setdefault(field.wire_name, theirs) != theirs:
            raise click.BadParameter(f"{ours!r} cannot be two columns")
    return columns


_OPTIONS = (
    click.option(
        "--sep",
        callback=_separator,
        metavar="CHAR",
        help="What separates cells: , ; | or tab.  [default: found out]",
    ),
    click.option(
        "--decimal", type=click.Choice([".", ","]), help="The decimal mark.  [default: found out]"
    ),
    click.option(
        "--encoding",
        callback=_encoding,
        metavar="NAME",
        help="Of the text: utf-8, cp1252, utf-16…  [default: found out]",
    ),
    click.option(
        "--units",
        type=click.Choice(list(UNITS), case_sensitive=False),
        multiple=True,
        callback=_units,
        help="Of cholesterol and sugar, and mmHg for the pressure; may be given twice. With mg/dL "
        "or mmol/L a pressure from 10 on is taken for mmHg.  [default: g/L and 100 mmHg]",
    ),
    click.option(
        "--column",
        multiple=True,
        callback=_columns,
        metavar="OURS=THEIRS",
        help="What a column is called in the file, as in colesterol=chol; may be repeated.",
    ),
)


def reading_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options; the command gets them as its argument ``reading``."""

    @functools.wraps(command)
    def reads(
        *arguments: Any,
        sep: str | None,
        decimal: str | None,
        encoding: str | None,
        units: tuple[str, ...],
        column: dict[str, str],
        **others: Any,
    ) -> None:
        reading = Reading(sep, decimal, encoding, units, column)
        command(*arguments, reading=reading, **others)

    for option in reversed(_OPTIONS):
        reads = option(reads)
    return reads
