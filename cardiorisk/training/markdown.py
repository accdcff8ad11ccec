"""Pieces of Markdown that the report and the model card are put together from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LEAST_IN_DIGITS = 0.001


def page(*blocks: str) -> str:
    """Set blocks under each other, a blank line between two."""
    return "\n\n".join(block for block in blocks if block)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table; every cell is text already."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def percent(share: float | None, decimals: int) -> str:
    """Write a share, or nothing where there is none."""
    return "" if share is None else f"{100 * share:.{decimals}f} %"


def figure(value: float) -> str:
    """Write a share near 1 in full, and a loss near 0 by its size."""
    return f"{value:.5f}" if value >= _LEAST_IN_DIGITS or value == 0 else f"{value:.1e}"
