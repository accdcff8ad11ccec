"""``cardiorisk log drift``: recent answers against what the network was trained on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from cardiorisk.cli.log_options import log_dir_option, log_path, read_entries, since_option

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cardiorisk.bitacora.entry import Entry
    from cardiorisk.model.card import Card
    from cardiorisk.model.drift import Drift, DriftWatch


@click.command()
@log_dir_option
@since_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def drift(log_dir: Path | None, since: float | None, as_json: bool) -> None:  # noqa: FBT001 - click's
    """Compare recent answers with what the network was trained on.

    For the probability and, where the log has them (CARDIORISK_LOG_INPUTS=1), for each of the six
    fields: the population stability index (PSI) over the training's bins. Below 0.1 it is called
    stable, from 0.1 noticeable, from 0.25 large: custom, not theory. Under 200 rows chance alone
    reaches 0.1, and nothing is said.

    Only answers of the network in CARDIORISK_MODEL_DIR are counted. Drift is no failure: the
    command ends with 0 whatever it finds.

    \b
    Examples:
      cardiorisk log drift --since 7d
      cardiorisk log drift --json | jq '.fields[] | select(.psi > 0.25)'
    """  # noqa: D301 - click reads the \b
    from cardiorisk.config import load_settings  # noqa: PLC0415 - likewise
    from cardiorisk.model.card import load_card  # noqa: PLC0415 - keeps --help quick
    from cardiorisk.model.drift import DriftWatch  # noqa: PLC0415 - likewise

    path = log_path(log_dir)
    card = load_card(load_settings().model_dir)
    watch = DriftWatch(card)

    def take(entry: Entry) -> None:
        if entry.probabilidad is not None:
            watch.add(entry.probabilidad, entry.modelo, entry.inputs)

    torn_lines = read_entries(path, since, take)
    if as_json:
        click.echo(json.dumps(_document(path, card, watch, torn_lines), ensure_ascii=False))
    else:
        _show(path, card, watch, torn_lines)


def _document(path: Path, card: Card, watch: DriftWatch, torn_lines: int) -> dict[str, Any]:
    from cardiorisk.model.drift import FEWEST_ROWS, LARGE, NOTICEABLE  # noqa: PLC0415 - as above

    score, *fields = [_drift_document(found) for found in watch.drifts()]
    return {
        "log": str(path),
        "modelo": card.version,
        "thresholds": {"noticeable": NOTICEABLE, "large": LARGE, "fewest_rows": FEWEST_ROWS},
        "score": score,
        "fields": fields,
        "other_networks": watch.other_networks,
        "torn_lines": torn_lines,
    }


def _drift_document(found: Drift) -> dict[str, Any]:
    return {
        "name": found.name,
        "rows": found.rows,
        "psi": None if found.index is None else round(found.index, 6),
        "verdict": found.verdict,
        "edges": found.edges,
        "training_counts": found.training_counts,
        "recent_counts": found.recent_counts,
    }


def _show(path: Path, card: Card, watch: DriftWatch, torn_lines: int) -> None:
    from cardiorisk.model.drift import FEWEST_ROWS, LARGE, NOTICEABLE  # noqa: PLC0415 - as above

    drifts = watch.drifts()
    training_rows = sum(drifts[0].training_counts)
    click.echo(f"{path} against {card.version}, trained on {training_rows:,} rows")
    click.echo(f"\n{'':<20} {'rows':>12} {'PSI':>9}  verdict")
    for found in drifts:
        index = "-" if found.index is None else f"{found.index:.4f}"
        click.echo(f"{found.name:<20} {found.rows:>12,} {index:>9}  {found.verdict}")
        if found.verdict in {"noticeable", "large"}:
            click.echo(f"  {_bins(found)}")
    click.echo(
        f"\nPSI below {NOTICEABLE} is stable, from {NOTICEABLE} noticeable, from {LARGE} large; "
        f"under {FEWEST_ROWS} rows nothing is said. Under what is not stable: its bins, with their "
        "share of the training and of the recent rows."
    )
    for remark in _remarks(drifts, watch.other_networks, torn_lines):
        click.echo(remark)


def _bins(found: Drift) -> str:
    """Say in one line where the rows were and where they are now."""
    return "; ".join(
        f"{name}: {training:.1%} -> {recent:.1%}" for name, training, recent in found.shares
    )


def _remarks(drifts: Sequence[Drift], other_networks: int, torn_lines: int) -> list[str]:
    remarks = []
    if not any(found.rows for found in drifts[1:]):
        remarks.append("The log has no inputs: CARDIORISK_LOG_INPUTS=1 writes them from then on.")
    if other_networks:
        remarks.append(f"{other_networks:,} answers of other networks are not counted.")
    if torn_lines:
        remarks.append(f"{torn_lines:,} torn line(s) passed over.")
    return remarks
