"""``cardiorisk log``: read the bitácora, summed up or line by line.

Text out of the log may be a stranger's (a method, an address): it is shown without its control
characters, which would otherwise steer the reader's terminal.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from cardiorisk.bitacora.entry import timestamp
from cardiorisk.bitacora.reader import LogReader
from cardiorisk.bitacora.summary import REFUSAL_STATUSES, RELATIVE_ERROR, Summary
from cardiorisk.cli.log_drift import drift
from cardiorisk.cli.log_options import log_dir_option, log_path, read_entries, since_option
from cardiorisk.cli.options import WholeNumber

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence
    from pathlib import Path

    from cardiorisk.bitacora.entry import Entry
    from cardiorisk.measuring import Histogram

POLL_SECONDS = 0.25
"""How often ``--follow`` looks for new lines."""

_PERCENTS = (50, 90, 99)
_COLUMNS = (("time", 23), ("status", 6), ("method", 7), ("route", 22), ("ms", 9), ("plan", 10))


@click.group()
def log() -> None:
    """Read the bitácora, the log of every request.

    \b
    Examples:
      cardiorisk log stats --since 1h
      cardiorisk log tail --follow
      cardiorisk log drift --since 7d
    """  # noqa: D301 - click reads the \b


log.add_command(drift)


@log.command()
@log_dir_option
@since_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def stats(log_dir: Path | None, since: float | None, as_json: bool) -> None:  # noqa: FBT001 - click's
    """Sum the bitácora up: counts, refusals, rate, and times by stage.

    Percentiles are within 1 % of the exact ones and the largest time is exact; memory does not
    grow with the log. Refusals are the answers 401, 403, 413, 429 and 503. Torn lines were cut
    off by a crash or a full disk, or are not the service's.

    \b
    Examples:
      cardiorisk log stats
      cardiorisk log stats --since 15m
      cardiorisk log stats --since 2026-11-22T20:00 --json
    """  # noqa: D301 - click reads the \b
    path = log_path(log_dir)
    summary, torn_lines = _sum_up(path, since)
    if as_json:
        click.echo(json.dumps(_document(path, summary, torn_lines), ensure_ascii=False))
    else:
        _show(path, summary, torn_lines)


@log.command()
@log_dir_option
@click.option("-n", "--lines", type=WholeNumber(min=0), default=20, show_default=True, metavar="N")
@click.option("-f", "--follow", is_flag=True, help="Go on with new lines until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="The lines as they stand in the file.")
def tail(log_dir: Path | None, lines: int, follow: bool, as_json: bool) -> None:  # noqa: FBT001 - click's
    """Show the newest lines of the bitácora.

    On a terminal as columns; into a pipe, or with --json, as the JSON lines themselves, which
    say more. Torn lines are passed over. --follow goes on when the file is rotated away.

    \b
    Examples:
      cardiorisk log tail -n 50
      cardiorisk log tail --follow
      cardiorisk log tail --follow | jq 'select(.status >= 500)'
    """  # noqa: D301 - click reads the \b
    is_raw = as_json or not sys.stdout.isatty()
    with LogReader(log_path(log_dir)) as reader:
        reader.go_to_newest(lines)
        if not is_raw:
            click.echo(_header())
        try:
            for line in reader.follow(_pause) if follow else reader.lines():
                click.echo(line.text if is_raw else _columns(line.entry), nl=not is_raw)
        except KeyboardInterrupt:
            return
        if reader.torn_lines:
            click.echo(f"{reader.torn_lines} torn line(s) passed over", err=True)


def _pause() -> None:
    time.sleep(POLL_SECONDS)


def _sum_up(path: Path, since: float | None) -> tuple[Summary, int]:
    summary = Summary()
    return summary, read_entries(path, since, summary.add)


def _document(path: Path, summary: Summary, torn_lines: int) -> dict[str, Any]:
    has_requests = summary.requests > 0
    return {
        "log": str(path),
        "requests": summary.requests,
        "first": timestamp(summary.first_ts_seconds) if has_requests else None,
        "last": timestamp(summary.last_ts_seconds) if has_requests else None,
        "requests_per_minute": summary.requests_per_minute(),
        "refusals": summary.refusals,
        "by_status": {str(status): count for status, count in sorted(summary.by_status.items())},
        "by_code": dict(summary.by_code.most_common()),
        "by_plan": dict(summary.by_plan.most_common()),
        "latency_ms": {stage: _percentiles(histogram) for stage, histogram in summary.stages_ms()},
        "latency_relative_error": RELATIVE_ERROR,
        "torn_lines": torn_lines,
    }


def _percentiles(histogram: Histogram) -> dict[str, float]:
    return {
        "count": histogram.count,
        **{f"p{percent}": round(histogram.percentile(percent), 4) for percent in _PERCENTS},
        "max": histogram.largest,
    }


def _show(path: Path, summary: Summary, torn_lines: int) -> None:
    rate = summary.requests_per_minute()
    click.echo(f"{path}")
    if summary.requests:
        first, last = timestamp(summary.first_ts_seconds), timestamp(summary.last_ts_seconds)
        click.echo(f"  from        {first}\n  to          {last}")
    click.echo(f"  requests    {summary.requests:,}" + (f" ({rate:,.1f} a minute)" if rate else ""))
    share = f" ({summary.refusals / summary.requests:.1%})" if summary.requests else ""
    statuses = ", ".join(map(str, sorted(REFUSAL_STATUSES)))
    click.echo(f"  refusals    {summary.refusals:,}{share}: {statuses}")
    click.echo(f"  torn lines  {torn_lines:,}")
    _show_counts("status", summary.by_status)
    _show_counts("code", summary.by_code)
    _show_counts("plan", summary.by_plan)
    _show_stages(summary.stages_ms())


def _show_counts(title: str, counts: Counter[Any]) -> None:
    if counts:
        click.echo(f"\n{title:<20} {'requests':>12}")
    for name, count in sorted(counts.items()):
        click.echo(f"{_shown(str(name)):<20} {count:>12,}")


def _show_stages(stages_ms: Sequence[tuple[str, Histogram]]) -> None:
    if stages_ms:
        titles = "".join(f"{f'p{percent}':>11}" for percent in _PERCENTS)
        click.echo(f"\n{'ms by stage':<20} {'requests':>12}{titles}{'max':>11}")
    for stage, histogram in stages_ms:
        percentiles = "".join(f"{histogram.percentile(percent):>11.3f}" for percent in _PERCENTS)
        click.echo(
            f"{_shown(stage):<20} {histogram.count:>12,}{percentiles}{histogram.largest:>11.3f}"
        )


def _header() -> str:
    return "  ".join([f"{title:<{width}}" for title, width in _COLUMNS] + ["answer"])


def _columns(entry: Entry) -> str:
    texts = (
        timestamp(entry.ts_seconds)[:23].replace("T", " "),
        str(entry.status),
        entry.method,
        entry.route,
        f"{entry.timings_ms.get('total', 0.0):.3f}",
        entry.plan or "-",
    )
    cells = [
        f"{_shown(text, width):<{width}}" for text, (_, width) in zip(texts, _COLUMNS, strict=True)
    ]
    return "  ".join([*cells, _answer(entry)])


def _answer(entry: Entry) -> str:
    if entry.code is not None:
        return _shown(entry.code)
    if entry.riesgo_cardiaco is None:
        return ""
    probability = "" if entry.probabilidad is None else f" {entry.probabilidad:.4f}"
    return ("risk" if entry.riesgo_cardiaco else "no risk") + probability


def _shown(text: str, longest: int = 64) -> str:
    """Make text fit for a terminal: no control characters, no half surrogates, not too long."""
    shown = "".join(character if character.isprintable() else "?" for character in text)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"
