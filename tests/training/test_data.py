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
    course_rule,
    draw_background,
    follows_the_course,
    lowest_and_highest,
    make_cohort,
    read_cohort,
    shaken,
    split_cohort,
    whole_grid,
)

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "colesterol,presion,glucosa,edad,sobrepeso,tabaquismo,riesgo_cardiaco"


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return make_cohort()


@pytest.fixture(scope="module")
def grid() -> Cohort:
    return whole_grid()


def csv_lines(cohort: Cohort) -> list[str]:
    """Write a cohort as the course's file has it, to one decimal."""
    rows = zip(cohort.values.tolist(), cohort.at_risk.tolist(), strict=True)
    return [
        f"{c:.1f},{p:.1f},{s:.1f},{age:.0f},{overweight:.0f},{smoker:.0f},{int(label)}"
        for (c, p, s, age, overweight, smoker), label in rows
    ]


def write_csv(path: Path, header: str, lines: list[str]) -> Path:
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def rule_in_decimals(row: list[float]) -> bool:
    """Apply the course's rule to exact decimals, as it is written down."""
    cholesterol, pressure, sugar = (Decimal(f"{value:.1f}") for value in row[:3])
    age, overweight, smoker = row[3:]
    return bool(
        (age > 50 and sugar > Decimal("1.0"))
        or (smoker and overweight)
        or (pressure > Decimal("1.4") and cholesterol > Decimal("2.0"))
    )


def test_every_made_label_follows_the_rule_in_exact_decimals(cohort: Cohort) -> None:
    assert cohort.at_risk.tolist() == [rule_in_decimals(row) for row in cohort.values.tolist()]


@pytest.mark.parametrize(
    ("row", "label"),
    [
        ((1.0, 0.6, 1.1, 51, 0, 0), True),
        ((1.0, 0.6, 1.1, 50, 0, 0), False),
        ((1.0, 0.6, 1.0, 51, 0, 0), False),
        ((2.1, 1.5, 0.5, 0, 0, 0), True),
        ((2.0, 1.5, 0.5, 0, 0, 0), False),
        ((2.1, 1.4, 0.5, 0, 0, 0), False),
        ((1.0, 0.6, 0.5, 0, 1, 1), True),
        ((1.0, 0.6, 0.5, 0, 1, 0), False),
        ((1.0, 0.6, 0.5, 0, 0, 1), False),
    ],
)
def test_the_rule_has_its_edges_where_the_course_has_them(
    row: tuple[float, ...],
    label: bool,  # noqa: FBT001 - a column of the table above
) -> None:
    assert course_rule(np.array([row], dtype=np.float32)).tolist() == [label]


def test_same_seed_makes_the_same_patients() -> None:
    assert make_cohort(7).fingerprint() == make_cohort(7).fingerprint()


def test_another_seed_makes_other_patients() -> None:
    assert make_cohort(7).fingerprint() != make_cohort(8).fingerprint()


def test_made_patients_are_as_many_as_the_courses(cohort: Cohort) -> None:
    assert cohort.values.shape == (5000, 6)


def test_prevalence_is_near_the_courses_518_in_a_thousand() -> None:
    # One standard error of 5,000 rows is 0.7 %.
    shares = [make_cohort(seed).at_risk.mean() for seed in range(10)]
    assert np.mean(shares) == pytest.approx(0.518, abs=0.015)


def test_every_made_value_is_on_the_courses_grid(cohort: Cohort) -> None:
    for column, (first, last) in enumerate([(10, 29), (6, 17), (5, 19)]):
        steps = {np.float32(step / 10) for step in range(first, last + 1)}
        assert set(cohort.values[:, column]) == steps


def test_the_grid_has_each_possible_patient_once(grid: Cohort) -> None:
    assert len(np.unique(grid.values, axis=0)) == len(grid) == 20 * 12 * 15 * 99 * 2 * 2


def test_the_grid_has_as_many_patients_at_risk_as_counting_gives(grid: Cohort) -> None:
    # Safe: not (old and sugary), not (both habits), not (pressure and cholesterol).
    without_sugar_clause = 99 * 15 - 48 * 9  # ages 51 to 98, sugar 1.1 to 1.9
    without_pressure_clause = 20 * 12 - 9 * 3  # cholesterol 2.1 to 2.9, pressure 1.5 to 1.7
    safe = without_sugar_clause * without_pressure_clause * 3
    assert int(grid.at_risk.sum()) == len(grid) - safe


def test_the_split_is_3600_400_and_1000(cohort: Cohort) -> None:
    split = split_cohort(cohort)
    parts = split.training, split.validation, split.held_out
    assert [len(part) for part in parts] == [3600, 400, 1000]


def test_the_split_loses_and_repeats_no_row(cohort: Cohort) -> None:
    numbered = Cohort(np.arange(500, dtype=np.float32)[:, np.newaxis], cohort.at_risk[:500])
    split = split_cohort(numbered)
    together = np.concatenate(
        [split.training.values, split.validation.values, split.held_out.values]
    )
    assert sorted(together[:, 0].tolist()) == list(range(500))


def test_the_held_out_rows_are_those_of_the_plain_80_20_split(cohort: Cohort) -> None:
    _, held_out = train_test_split(np.arange(5000), test_size=0.2, random_state=42)
    assert split_cohort(cohort).held_out.fingerprint() == cohort.take(held_out).fingerprint()


def test_one_row_against_the_rule_takes_the_grids_truth_away(cohort: Cohort) -> None:
    assert follows_the_course(cohort)
    at_risk = cohort.at_risk.copy()
    at_risk[7] = not at_risk[7]
    assert not follows_the_course(Cohort(cohort.values, at_risk))


def test_the_grids_ends_are_the_courses() -> None:
    ends = np.array(lowest_and_highest())
    assert ends == pytest.approx(np.array([[1, 0.6, 0.5, 0, 0, 0], [2.9, 1.7, 1.9, 98, 1, 1]]))


def test_the_background_keeps_the_share_at_risk(cohort: Cohort) -> None:
    background = draw_background(cohort)
    assert len(background) == 128
    assert background.at_risk.mean() == pytest.approx(cohort.at_risk.mean(), abs=1 / 128)


def test_the_background_is_made_of_rows_that_are_there(cohort: Cohort) -> None:
    rows = set(map(tuple, cohort.values.tolist()))
    assert set(map(tuple, draw_background(cohort).values.tolist())) <= rows


def test_the_same_seed_draws_the_same_background(cohort: Cohort) -> None:
    first = draw_background(cohort, 7).fingerprint()
    assert draw_background(cohort, 7).fingerprint() == first
    assert draw_background(cohort, 8).fingerprint() != first


def test_a_small_cohort_is_its_own_background(cohort: Cohort) -> None:
    few = cohort.take(np.arange(80))
    assert draw_background(few).fingerprint() == few.fingerprint()


def test_a_shaken_value_is_still_nearest_to_itself(cohort: Cohort) -> None:
    moved = shaken(cohort.values, np.random.default_rng(0))
    resolution = np.array([0.1, 0.1, 0.1, 1, 1, 1])
    assert (np.rint(moved / resolution) == np.rint(cohort.values / resolution)).all()


def test_shaking_moves_numbers_and_leaves_flags(cohort: Cohort) -> None:
    moved = (shaken(cohort.values, np.random.default_rng(0)) != cohort.values).mean(axis=0)
    assert moved[:4].min() > 0.9
    assert moved[4:].tolist() == [0, 0]


def test_a_written_cohort_is_read_back_as_it_was(tmp_path: Path, cohort: Cohort) -> None:
    path = write_csv(tmp_path / "patients.csv", HEADER, csv_lines(cohort))
    assert read_cohort(path).fingerprint() == cohort.fingerprint()


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "id"])
def test_a_row_number_column_changes_nothing(tmp_path: Path, cohort: Cohort, name: str) -> None:
    lines = [f"{number},{line}" for number, line in enumerate(csv_lines(cohort))]
    path = write_csv(tmp_path / "patients.csv", f"{name},{HEADER}", lines)
    assert read_cohort(path).fingerprint() == cohort.fingerprint()


def test_a_row_number_without_a_heading_changes_nothing(tmp_path: Path, cohort: Cohort) -> None:
    lines = [f"{number},{line}" for number, line in enumerate(csv_lines(cohort), start=1)]
    path = write_csv(tmp_path / "patients.csv", HEADER, lines)
    assert read_cohort(path).fingerprint() == cohort.fingerprint()


def test_a_byte_order_mark_and_empty_lines_change_nothing(tmp_path: Path, cohort: Cohort) -> None:
    lines = csv_lines(cohort)
    path = write_csv(tmp_path / "patients.csv", "\ufeff" + HEADER, [*lines[:9], "", *lines[9:], ""])
    assert read_cohort(path).fingerprint() == cohort.fingerprint()


def refusal(path: Path) -> str:
    """Return the one line with which the file is refused."""
    with pytest.raises(UnusableData) as refused:
        read_cohort(path)
    assert "\n" not in str(refused.value)
    return str(refused.value).removeprefix(f"{path}").removeprefix(": ")


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.csv"
    assert refusal(path) == f"cannot read {path}: No such file or directory"


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "patients.csv"
    path.write_bytes(b"\xff\xfe\x00")
    assert refusal(path) == " is not a UTF-8 text file"


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "patients.csv"
    path.touch()
    assert refusal(path).startswith(" is not a CSV file")


def test_a_line_with_too_many_cells_is_refused_by_its_number(
    tmp_path: Path, cohort: Cohort
) -> None:
    lines = csv_lines(cohort)
    lines[5] += ",1"
    assert "line 7" in refusal(write_csv(tmp_path / "patients.csv", HEADER, lines))


def test_a_missing_column_is_refused_by_name(tmp_path: Path, cohort: Cohort) -> None:
    header = HEADER.replace("glucosa", "color")
    path = write_csv(tmp_path / "patients.csv", header, csv_lines(cohort))
    assert refusal(path).startswith("column 'glucosa' (or 'azucar') is missing")


def test_a_missing_label_column_is_refused_by_name(tmp_path: Path, cohort: Cohort) -> None:
    header = HEADER.replace("riesgo_cardiaco", "riesgo")
    path = write_csv(tmp_path / "patients.csv", header, csv_lines(cohort))
    assert refusal(path).startswith("column 'riesgo_cardiaco' is missing")


def test_bad_cells_are_refused_by_the_first_ones_line(tmp_path: Path, cohort: Cohort) -> None:
    lines = csv_lines(cohort)
    lines[3] = ""  # an empty line counts in the numbering
    lines[10] = "2.0,1.2,high,40,0,0,0"
    lines[20] = "2.0,1.2,1.0,140,0,0,0"
    path = write_csv(tmp_path / "patients.csv", HEADER, lines)
    assert refusal(path) == (
        "line 12: glucosa must be a number from 0.5 to 2 (g/L) (1 more bad cells follow)"
    )


@pytest.mark.parametrize("label", ["2", "yes", "", "0.5"])
def test_a_label_that_is_not_0_or_1_is_refused(tmp_path: Path, cohort: Cohort, label: str) -> None:
    lines = csv_lines(cohort)
    lines[4] = f"2.0,1.2,1.0,40,0,0,{label}"
    path = write_csv(tmp_path / "patients.csv", HEADER, lines)
    assert refusal(path) == "line 6: riesgo_cardiaco must be 0 or 1"


def test_too_few_rows_are_refused(tmp_path: Path, cohort: Cohort) -> None:
    path = write_csv(tmp_path / "patients.csv", HEADER, csv_lines(cohort)[:99])
    assert refusal(path) == " has 99 rows; training takes at least 100"


@pytest.mark.parametrize("label", [0, 1])
def test_a_single_class_is_refused(tmp_path: Path, cohort: Cohort, label: int) -> None:
    lines = [line for line in csv_lines(cohort) if line.endswith(f",{label}")]
    path = write_csv(tmp_path / "patients.csv", HEADER, lines)
    assert refusal(path).startswith(f" has 0 rows with riesgo_cardiaco = {1 - label}")
