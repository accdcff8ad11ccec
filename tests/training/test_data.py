"""The made patients, the rule, the grid, and reading a CSV file."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from cardiorisk.errors import UnusableData
from cardiorisk.training.data import (
    Cohort,
    draw_background,
    follows_the_course,
    make_cohort,
    read_cohort,
    shaken,
    split_cohort,
    whole_grid,
)

if TYPE_CHECKING:
    from pathlib import Path

COHORT = make_cohort()
HEADER = "colesterol,presion,glucosa,edad,sobrepeso,tabaquismo,riesgo_cardiaco"
LINES = [
    f"{c:.1f},{p:.1f},{s:.1f},{age:.0f},{overweight:.0f},{smoker:.0f},{int(label)}"
    for (c, p, s, age, overweight, smoker), label in zip(
        COHORT.values[:300].tolist(), COHORT.at_risk.tolist(), strict=False
    )
]
"""Its first 300 patients, as the course's file has them."""


def rule_in_decimals(row: list[float]) -> bool:
    """Apply the course's rule to exact decimals, as it is written down."""
    cholesterol, pressure, sugar = (Decimal(f"{value:.1f}") for value in row[:3])
    age, overweight, smoker = row[3:]
    return bool(
        (age > 50 and sugar > Decimal("1.0"))
        or (smoker and overweight)
        or (pressure > Decimal("1.4") and cholesterol > Decimal("2.0"))
    )


def test_every_made_label_follows_the_rule_in_exact_decimals() -> None:
    assert COHORT.at_risk.tolist() == [rule_in_decimals(row) for row in COHORT.values.tolist()]


def test_the_seed_decides_the_patients() -> None:
    assert make_cohort(7).fingerprint() == make_cohort(7).fingerprint()
    assert make_cohort(7).fingerprint() != make_cohort(8).fingerprint()


def test_every_made_value_is_on_the_courses_grid() -> None:
    for column, (first, last) in enumerate([(10, 29), (6, 17), (5, 19)]):
        steps = {np.float32(step / 10) for step in range(first, last + 1)}
        assert set(COHORT.values[:, column]) == steps


def test_the_grid_has_each_possible_patient_once_and_at_risk_as_counting_gives() -> None:
    grid = whole_grid()
    assert len(np.unique(grid.values, axis=0)) == len(grid) == 20 * 12 * 15 * 99 * 2 * 2
    # Safe: not (old and sugary), not (both habits), not (pressure and cholesterol).
    without_sugar_clause = 99 * 15 - 48 * 9  # ages 51 to 98, sugar 1.1 to 1.9
    without_pressure_clause = 20 * 12 - 9 * 3  # cholesterol 2.1 to 2.9, pressure 1.5 to 1.7
    safe = without_sugar_clause * without_pressure_clause * 3
    assert int(grid.at_risk.sum()) == len(grid) - safe


def test_the_split_holds_out_what_the_plain_80_20_split_does() -> None:
    split = split_cohort(COHORT)
    _, held_out = train_test_split(np.arange(5000), test_size=0.2, random_state=42)
    assert split.held_out.fingerprint() == COHORT.take(held_out).fingerprint()
    assert (len(split.training), len(split.validation)) == (3600, 400)


def test_the_split_loses_and_repeats_no_row() -> None:
    numbered = Cohort(np.arange(500, dtype=np.float32)[:, np.newaxis], COHORT.at_risk[:500])
    split = split_cohort(numbered)
    parts = split.training, split.validation, split.held_out
    together = np.concatenate([part.values[:, 0] for part in parts])
    assert sorted(together.tolist()) == list(range(500))


def test_one_row_against_the_rule_takes_the_grids_truth_away() -> None:
    assert follows_the_course(COHORT)
    at_risk = COHORT.at_risk.copy()
    at_risk[7] = not at_risk[7]
    assert not follows_the_course(Cohort(COHORT.values, at_risk))


def test_the_background_is_128_of_the_rows_or_fewer_in_their_share() -> None:
    background = draw_background(COHORT, 7)
    assert len(background) == 128
    assert background.at_risk.mean() == pytest.approx(COHORT.at_risk.mean(), abs=1 / 128)
    assert set(map(tuple, background.values.tolist())) <= set(map(tuple, COHORT.values.tolist()))
    assert draw_background(COHORT, 7).fingerprint() == background.fingerprint()
    assert draw_background(COHORT, 8).fingerprint() != background.fingerprint()
    few = COHORT.take(slice(128))
    assert draw_background(few) is few


def test_shaking_moves_numbers_which_stay_nearest_to_themselves() -> None:
    moved = shaken(COHORT.values, np.random.default_rng(0))
    resolution = np.array([0.1, 0.1, 0.1, 1, 1, 1])
    assert (np.rint(moved / resolution) == np.rint(COHORT.values / resolution)).all()
    shares = (moved != COHORT.values).mean(axis=0)
    assert shares[:4].min() > 0.9
    assert shares[4:].tolist() == [0, 0]


def written(path: Path, header: str, lines: list[str]) -> Path:
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("header", "number"),
    [(f"\ufeff{HEADER}", ""), (f",{HEADER}", "{},"), (f"id,{HEADER}", "{},"), (HEADER, "{},")],
)
def test_a_row_number_a_byte_order_mark_and_empty_lines_change_nothing(
    tmp_path: Path, header: str, number: str
) -> None:
    lines = [number.format(at) + line for at, line in enumerate(LINES, start=1)]
    path = written(tmp_path / "patients.csv", header, [*lines[:9], "", *lines[9:], ""])
    assert read_cohort(path).fingerprint() == COHORT.take(slice(300)).fingerprint()


def refusal(path: Path) -> str:
    with pytest.raises(UnusableData) as refused:
        read_cohort(path)
    return str(refused.value).removeprefix(f"{path}").removeprefix(": ")


def test_a_file_that_cannot_be_read_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "patients.csv"
    assert refusal(path) == f"cannot read {path}: No such file or directory"
    path.touch()
    assert refusal(path) == " is not a CSV file: No columns to parse from file"
    path.write_bytes(b"\xff\xfe\x00")
    assert refusal(path) == " is not a UTF-8 text file"


@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        (  # an empty line counts in the numbering
            {3: "", 10: "2.0,1.2,high,40,0,0,0", 20: "2.0,1.2,1.0,140,0,0,0"},
            "line 12: glucosa must be a number from 0.5 to 2 (g/L) (1 more bad cells follow)",
        ),
        (
            {10: "2.0,1.2,1.0,140,0,0,0"},
            "line 12: edad must be an integer from 0 to 99 (years)",
        ),
        (
            {5: "2.0,1.2,1.0,40,0,0,0,1"},
            "Expected 7 fields in line 7, saw 8",
        ),
        ({4: "2.0,1.2,1.0,40,0,0,2"}, "line 6: riesgo_cardiaco must be 0 or 1"),
        ({4: "2.0,1.2,1.0,40,0,0,"}, "line 6: riesgo_cardiaco must be 0 or 1"),
    ],
)
def test_a_bad_line_is_refused_by_its_number(
    tmp_path: Path, changed: dict[int, str], refused: str
) -> None:
    lines = [changed.get(number, line) for number, line in enumerate(LINES)]
    assert refusal(written(tmp_path / "patients.csv", HEADER, lines)).endswith(refused)


@pytest.mark.parametrize(
    ("name", "shown"),
    [("glucosa", "'glucosa' (or 'azucar')"), ("riesgo_cardiaco", "'riesgo_cardiaco'")],
)
def test_a_missing_column_is_refused_by_name(tmp_path: Path, name: str, shown: str) -> None:
    header = HEADER.replace(name, "color")
    assert refusal(written(tmp_path / "patients.csv", header, LINES)) == (
        f"column {shown} is missing; the columns are: {header.replace(',', ', ')}"
    )


def test_at_least_100_rows_and_10_of_each_class_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "patients.csv"
    few = refusal(written(path, HEADER, LINES[:99]))
    assert few == " has 99 rows; training takes at least 100"
    assert len(read_cohort(written(path, HEADER, LINES[:100]))) == 100
    by_label = [[line for line in LINES if line.endswith(f",{label}")] for label in (0, 1)]
    for rare, usual in ((0, 1), (1, 0)):
        nine = refusal(written(path, HEADER, by_label[rare][:9] + by_label[usual]))
        assert nine == (
            f" has 9 rows with riesgo_cardiaco = {rare}; training takes at least 10 of each"
        )
        ten = by_label[rare][:10] + by_label[usual]
        assert len(read_cohort(written(path, HEADER, ten))) == len(ten)
