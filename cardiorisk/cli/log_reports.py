"""How what the bitácora says is shown: to a person in tables, to a program as JSON."""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cardiorisk.bitacora.entry import Entry, timestamp
from cardiorisk.bitacora.summary import REFUSAL_STATUSES, RELATIVE_ERROR, Summary
from cardiorisk.model.card import Card, in_words
from cardiorisk.model.drift import FEWEST_ROWS, LARGE, NOTICEABLE, DriftWatch

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

LARGE_LOG_BYTES = 16 << 20  # about a second's work, from which on a progress bar is shown
_PERCENTS = (50, 90, 99)
_COLUMNS = (("time", 23), ("status", 6), ("method", 7), ("route", 22), ("ms", 9), ("plan", 10))


def progress_bar(doing: str, paths: Sequence[Path]) -> "ProgressBar[int]":
    """Make a bar on standard error, where somebody looks and it is worth one."""
    size_bytes = sum(path.stat().st_size for path in paths if path.exists())
    hidden = size_bytes < LARGE_LOG_BYTES or not sys.stderr.isatty()
    return click.progressbar(length=size_bytes, label=doing, file=sys.stderr, hidden=hidden)


def _write_json(document: dict[str, Any]) -> None:
    click.echo(json.dumps(document, ensure_ascii=False))


def write_stats_json(log: str, summary: Summary, torn_lines: int) -> None:
    _write_json(
        {
            "log": log,
            "requests": summary.requests,
            "first": timestamp(summary.first_ts_seconds) if summary.requests else None,
            "last": timestamp(summary.last_ts_seconds) if summary.requests else None,
            "requests_per_minute": summary.requests_per_minute(),
            "refusals": summary.refusals,
            "by_status": {str(status): n for status, n in sorted(summary.by_status.items())},
            "by_code": dict(summary.by_code.most_common()),
            "by_plan": dict(summary.by_plan.most_common()),
            "latency_ms": {
                stage: {
                    "count": times.count,
                    **{f"p{percent}": round(times.percentile(percent), 4) for percent in _PERCENTS},
                    "max": times.largest,
                }
                for stage, times in summary.stages_ms()
            },
            "latency_relative_error": RELATIVE_ERROR,
            "torn_lines": torn_lines,
        }
    )


def write_stats(log: str, summary: Summary, torn_lines: int) -> None:
    rate = summary.requests_per_minute()
    click.echo(log)
    if summary.requests:
        click.echo(f"  from        {timestamp(summary.first_ts_seconds)}")
        click.echo(f"  to          {timestamp(summary.last_ts_seconds)}")
    click.echo(f"  requests    {summary.requests:,}" + (f" ({rate:,.1f} a minute)" if rate else ""))
    share = f" ({summary.refusals / summary.requests:.1%})" if summary.requests else ""
    statuses = ", ".join(map(str, sorted(REFUSAL_STATUSES)))
    click.echo(f"  refusals    {summary.refusals:,}{share}: {statuses}")
    click.echo(f"  torn lines  {torn_lines:,}")
    counts: list[Counter[Any]] = [summary.by_status, summary.by_code, summary.by_plan]
    for title, by_name in zip(("status", "code", "plan"), counts, strict=True):
        if by_name:
            click.echo(f"\n{title:<20} {'requests':>12}")
        for name, count in sorted(by_name.items()):
            click.echo(f"{_shown(str(name)):<20} {count:>12,}")
    if stages_ms := summary.stages_ms():
        titles = "".join(f"{f'p{percent}':>11}" for percent in _PERCENTS)
        click.echo(f"\n{'ms by stage':<20} {'requests':>12}{titles}{'max':>11}")
    for stage, times in stages_ms:
        percentiles = "".join(f"{times.percentile(percent):>11.3f}" for percent in _PERCENTS)
        click.echo(f"{_shown(stage):<20} {times.count:>12,}{percentiles}{times.largest:>11.3f}")


def write_drift_json(log: str, card: Card, watch: DriftWatch, torn_lines: int) -> None:
    score, *fields = [asdict(found) | {"verdict": found.verdict} for found in watch.drifts()]
    for document in (score, *fields):
        index = document.pop("index")
        document["psi"] = None if index is None else round(index, 6)
    _write_json(
        {
            "log": log,
            "modelo": card.version,
            "thresholds": {"noticeable": NOTICEABLE, "large": LARGE, "fewest_rows": FEWEST_ROWS},
            "score": score,
            "fields": fields,
            "other_networks": watch.other_networks,
            "torn_lines": torn_lines,
        }
    )


def write_drift(log: str, card: Card, watch: DriftWatch, torn_lines: int) -> None:
    drifts = watch.drifts()
    training_rows = sum(drifts[0].training_counts)
    click.echo(f"{log} against {card.version}, trained on {training_rows:,} rows")
    click.echo(f"\n{'':<20} {'rows':>12} {'PSI':>9}  verdict")
    for found in drifts:
        index = "-" if found.index is None else f"{found.index:.4f}"
        click.echo(f"{found.name:<20} {found.rows:>12,} {index:>9}  {found.verdict}")
        if found.verdict in {"noticeable", "large"}:
            bins = (f"{name}: {past:.1%} -> {now:.1%}" for name, past, now in found.shares)
            click.echo(f"  {'; '.join(bins)}")
    click.echo(
        f"\nPSI below {NOTICEABLE} is stable, from {NOTICEABLE} noticeable, from {LARGE} large; "
        f"under {FEWEST_ROWS} rows nothing is said. Under what is not stable: its bins, with their "
        "share of the training and of the recent rows."
    )
    if not any(found.rows for found in drifts[1:]):
        click.echo("The log has no inputs: CARDIORISK_LOG_INPUTS=1 writes them from then on.")
    if watch.other_networks:
        click.echo(f"{watch.other_networks:,} answers of other networks are not counted.")
    if torn_lines:
        click.echo(f"{torn_lines:,} torn line(s) passed over.")


def header() -> str:
    return "  ".join([f"{title:<{width}}" for title, width in _COLUMNS] + ["answer"])


def columns(entry: Entry) -> str:
    texts = (
        timestamp(entry.ts_seconds)[:23].replace("T", " "),
        str(entry.status),
        entry.method,
        entry.route,
        f"{entry.timings_ms.get('total', 0.0):.3f}",
        entry.plan or "-",
    )
    pairs = zip(texts, _COLUMNS, strict=True)
    cells = [f"{_shown(text, width):<{width}}" for text, (_, width) in pairs]
    return "  ".join([*cells, _answer(entry)])


def _answer(entry: Entry) -> str:
    if entry.code is not None:
        return _shown(entry.code)
    if entry.riesgo_cardiaco is None:
        return "" if entry.filas is None else f"{entry.filas} patients"
    probability = "" if entry.probabilidad is None else f" {in_words(entry.probabilidad, 4)}"
    return ("risk" if entry.riesgo_cardiaco else "no risk") + probability


def _shown(text: str, longest: int = 64) -> str:
    """Make a stranger's text fit for a terminal: no control characters, not too long."""
    shown = "".join(character if character.isprintable() else "?" for character in text)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"
