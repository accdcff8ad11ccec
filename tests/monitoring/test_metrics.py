"""Counts are kept apart, documented, and cannot be grown by a stranger."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cardiorisk.monitoring.metrics import PREFIX, STAGE_BOUNDS_MS, Metrics, Sources
from cardiorisk.routes import CardioriskApplication

DOCS = Path(__file__).parents[2] / "docs"
DASHBOARD: dict[str, Any] = json.loads((DOCS / "grafana" / "cardiorisk.json").read_text())
DATASOURCE = "datasource"


@pytest.fixture
def metrics(app: CardioriskApplication) -> Metrics:
    return app.services.metrics


def test_stages_are_told_from_ten_microseconds_to_ten_seconds() -> None:
    assert (STAGE_BOUNDS_MS[0], STAGE_BOUNDS_MS[-1]) == (0.01, 10_000)
    assert sorted(set(STAGE_BOUNDS_MS)) == list(STAGE_BOUNDS_MS)


def test_times_are_told_in_seconds(metrics: Metrics) -> None:
    metrics.count("GET", "/model", 200, {"auth": 2.0, "total": 3.0})
    lines = metrics.text().decode().splitlines()
    assert 'cardiorisk_stage_seconds_sum{stage="auth"} 0.002' in lines
    assert 'cardiorisk_stage_seconds_sum{stage="total"} 0.003' in lines
    assert 'cardiorisk_stage_seconds_bucket{le="0.001",stage="auth"} 0.0' in lines
    assert 'cardiorisk_stage_seconds_bucket{le="0.0025",stage="auth"} 1.0' in lines


def test_a_stage_of_another_kind_has_no_histogram(metrics: Metrics) -> None:
    metrics.count("POST", "/model/reload", 200, {"reload": 1.0})
    assert b"reload" not in b"".join(
        line for line in metrics.text().splitlines() if b"stage=" in line
    )


def test_a_plan_that_is_no_longer_set_is_a_star(metrics: Metrics) -> None:
    metrics.count_refusal("gold")
    assert metrics.refusals == {"freemium": 0, "premium": 0, "*": 1}


def test_two_of_them_count_apart(metrics: Metrics, app: CardioriskApplication) -> None:
    services = app.services
    sources = Sources(
        services.store, services.limiter, services.predictor, services.bitacora, lambda: 0, {}
    )
    other = Metrics([], [], sources)
    other.count("GET", "/model", 200, {})
    assert other.requests == {("GET", "/model", 200): 1}
    assert metrics.requests["GET", "/model", 200] == 0


def test_every_metric_is_documented_with_an_alert(metrics: Metrics) -> None:
    rows = [row for row in (DOCS / "metrics.md").read_text().splitlines() if row.startswith("| `")]
    for name in names_of(metrics):
        assert name.startswith(PREFIX)
        assert any(re.search(rf"\b{name}(_bucket)?\b", row.split(" | ")[0]) for row in rows), name


def test_no_document_names_a_metric_that_does_not_exist(metrics: Metrics) -> None:
    known = samples_of(metrics)
    named = set(re.findall(r"cardiorisk_[a-z_]+", (DOCS / "metrics.md").read_text()))
    assert named <= known | names_of(metrics).keys()


def test_the_dashboard_asks_for_metrics_and_labels_that_exist(metrics: Metrics) -> None:
    known = samples_of(metrics)
    labels = labels_of(metrics) | {"job", "instance", "le"}
    for expression in expressions():
        assert set(re.findall(r"cardiorisk_[a-z_]+", expression)) <= known, expression
        grouped = re.findall(r"by \(([a-z, ]+)\)", expression)
        matched = re.findall(r'([a-z]+)(?:=~|!=|=)"', expression)
        assert {*", ".join(grouped).split(", "), *matched} - {""} <= labels, expression


def test_the_dashboard_shows_every_kind_of_metric(metrics: Metrics) -> None:
    shown = " ".join(expressions())
    left_out = {"cardiorisk_process_virtual_memory_bytes"}
    assert all(name in shown for name in names_of(metrics).keys() - left_out)


def test_the_dashboard_asks_whatever_prometheus_the_reader_has() -> None:
    chosen = [
        item["name"] for item in DASHBOARD["templating"]["list"] if item["type"] == DATASOURCE
    ]
    assert chosen == [DATASOURCE]
    for panel in DASHBOARD["panels"]:
        for part in (panel, *panel["targets"]):
            assert part["datasource"] == {"type": "prometheus", "uid": f"${{{DATASOURCE}}}"}


def test_no_panel_of_the_dashboard_covers_another() -> None:
    covered = [
        (x, y)
        for at in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(set(covered)) == len(covered)
    assert max(x for x, _ in covered) == 23
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def expressions() -> list[str]:
    """Return what the dashboard asks Prometheus for."""
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def labels_of(metrics: Metrics) -> set[str]:
    """Return the labels that an expression may use."""
    return {
        label
        for family in metrics.registry.collect()
        for sample in family.samples
        for label in sample.labels
    }


def names_of(metrics: Metrics) -> dict[str, str]:
    """Return the type of every metric, by the name that it is asked for."""
    endings = {"counter": "_total", "info": "_info"}
    return {
        family.name + endings.get(family.type, ""): family.type
        for family in metrics.registry.collect()
    }


def samples_of(metrics: Metrics) -> set[str]:
    """Return the names that an expression may use."""
    return {sample.name for family in metrics.registry.collect() for sample in family.samples}
