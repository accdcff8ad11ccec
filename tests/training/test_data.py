"""The made patients, the rule, the grid, and reading a CSV file."""

from pathlib import Path

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

COHORT = make_cohort()
PATH = Path("patients.csv")
HEADER = "colesterol,presion,glucosa,edad,sobrepeso,tabaquismo,riesgo_cardiaco"
LINES = [
    f"{c:.1f},{p:.1f},{s:.1f},{age:.0f},{overweight:.0f},{smoker:.0f},{int(label)}"
    for (c, p, s, age, overweight, smoker), label in zip(
        COHORT.values[:300].tolist(), COHORT.at_risk.tolist(), strict=False
    )
]
"""Its first 300 patients, as the course's file has them."""


def test_every_made_label_follows_the_rule_in_whole_tenths() -> None:
    cholesterol, pressure, sugar = np.rint(10 * COHORT.values[:, :3]).T
    age, overweight, smoker = COHORT.values[:, 3:].astype(int).T
    rule = (
        (age > 50) & (sugar > 10) | (smoker & overweight > 0) | (pressure > 14) & (cholesterol > 20)
    )
    assert COHORT.at_risk.tolist() == rule.tolist()


def test_every_made_value_is_on_the_courses_grid_and_the_seeds() -> None:
    assert make_cohort(7).fingerprint() != COHORT.fingerprint()
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


def test_the_split_holds_out_what_the_plain_80_20_split_does_and_loses_no_row() -> None:
    split = split_cohort(Cohort(np.arange(5000, dtype=np.float32), COHORT.at_risk))
    training, validation, held_out = (
        part.values.tolist() for part in (split.training, split.validation, split.held_out)
    )
    assert held_out == train_test_split(range(5000), test_size=0.2, random_state=42)[1]
    assert (len(training), len(validation)) == (3600, 400)
    assert sorted(training + validation + held_out) == list(range(5000))


def test_no_patient_stands_on_two_sides_of_a_split() -> None:
    few = make_cohort()
    many = Cohort(np.tile(COHORT.values[:500], (10, 1)), np.tile(COHORT.at_risk[:500], 10))
    assert (few.copies, many.copies) == (11, 4500)
    for cohort, left_out in ((few, 7), (many, 0)):
        split = split_cohort(cohort)
        parts = [
            {tuple(row) for row in part.values.tolist()}
            for part in (split.training, split.validation, split.held_out)
        ]
        assert sum(map(len, parts)) == len(set().union(*parts))
        assert split.left_out == left_out
        assert [len(part) / len(set().union(*parts)) for part in parts] == pytest.approx(
            [0.72, 0.08, 0.2], abs=0.002
        )


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


def written(header: str, lines: list[str]) -> Path:
    PATH.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return PATH


@pytest.mark.parametrize(
    ("header", "number"),
    [(f"\ufeff{HEADER}", ""), (f",{HEADER}", "{},"), (f"id,{HEADER}", "{},"), (HEADER, "{},")],
)
def test_row_numbers_a_byte_order_mark_and_empty_lines_change_nothing(
    header: str, number: str
) -> None:
    lines = [number.format(at) + line for at, line in enumerate(LINES, start=1)]
    path = written(header, [*lines[:9], "", *lines[9:], ""])
    assert read_cohort(path).fingerprint() == COHORT.take(slice(300)).fingerprint()


def refusal(path: Path) -> str:
    with pytest.raises(UnusableData) as refused:
        read_cohort(path)
    return str(refused.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        (  # an empty line counts in the numbering, and is no row
            {3: "", 10: "2.0,1.2,high,140,0,0,0", 20: "2.0,1.2,1.0,,0,0,0", 30: ",,,,,,"},
            "line 12: glucosa is not a number; edad is beyond 99 years; line 22: edad is empty",
        ),
        (
            {5: "2.0,1.2,1.0,40,0,0,0,1"},
            "line 7: has 8 cells where the header has 7; left out: 1",
        ),
        (
            {4: "2.0,1.2,1.0,40,0,0,2"},
            "line 6: riesgo_cardiaco must be 0 or 1 (or no, si, false, true, falso, verdadero)",
        ),
        ({4: "2.0,1.2,1.0,40,0,0,"}, "line 6: riesgo_cardiaco is empty"),
        (
            dict.fromkeys(range(30), "9,1.2,1.0,40,0,0,0"),
            "; ".join(f"line {line}: colesterol is beyond 3.0 g/L" for line in range(2, 12))
            + "; and 20 more",
        ),
    ],
)
def test_bad_lines_are_refused_by_their_numbers(changed: dict[int, str], refused: str) -> None:
    lines = [changed.get(number, line) for number, line in enumerate(LINES)]
    assert refusal(written(HEADER, lines)) == (
        f"{refused}; mend them, or leave them out with --skip-bad-rows"
    )


def test_bad_rows_are_left_out_where_asked_for_and_counted_by_kind() -> None:
    bad = ["210,1.2,,40,0,0,0", "9,1.2,1.0,40,0,0,0", "1,2"]
    path = written(HEADER, [*LINES[:9], *bad, *LINES[9:]])
    told: list[str] = []
    cohort = read_cohort(path, skip_bad_rows=True, tell=told.append)
    assert cohort.fingerprint() == COHORT.take(slice(300)).fingerprint()
    assert told[1] == (
        "3 of 303 rows left out: colesterol is beyond 3.0 g/L (2); "
        "has 2 cells where the header has 7 (1); glucosa is empty (1)"
    )


def test_a_missing_label_is_refused_by_name() -> None:
    header = HEADER.replace("riesgo_cardiaco", "color")
    assert refusal(written(header, LINES)).startswith("missing: 'riesgo_cardiaco'; ")


def test_at_least_100_rows_and_10_of_each_class_are_taken() -> None:
    few = "training takes at least 100 different rows; there are 99"
    assert refusal(written(HEADER, LINES[:99])) == few
    assert len(read_cohort(written(HEADER, LINES[:100]))) == 100
    by_label = [[line for line in LINES if line.endswith(f",{label}")] for label in (0, 1)]
    for rare, usual in ((0, 1), (1, 0)):
        nine = f"training takes at least 10 rows with riesgo_cardiaco = {rare}; there are 9"
        assert refusal(written(HEADER, by_label[rare][:9] + by_label[usual])) == nine
        ten = by_label[rare][:10] + by_label[usual]
        assert len(read_cohort(written(HEADER, ten))) == len(ten)
