"""The patients that the network learns from: made from a seed, or read from a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from cardiorisk.errors import UnusableData
from cardiorisk.files.columns import LABEL, Reading
from cardiorisk.files.table import EMPTY_ROW, open_table
from cardiorisk.model.card import LONGEST_FILE_NAME, Condition, FieldProfile, Profile, Rule
from cardiorisk.model.explanations import every_row
from cardiorisk.patients.patient import FIELD_NAMES, FIELDS, RISK_COLUMN
from cardiorisk.training.recipe import DEFAULT_SEED

Rows = NDArray[np.int64] | NDArray[np.bool_] | slice  # positions, a flag for each, or a range

_AS_FOUND = Reading()
BACKGROUND_ROWS = 128  # that explanations compare with: 64 coalitions are one batch of 8,192 rows
FEWEST_ROWS = 100
FEWEST_ROWS_PER_LABEL = 10
PROFILE_BINS = 10  # of a field, of about equal counts; a field of fewer values has fewer
MOST_COPIES = 0.01  # share of repeated rows from which patients are divided, not rows
MOST_NAMED = 10  # bad rows, where they stop the training

RULE: Rule = tuple(
    tuple(Condition(field=field, above=bound) for field, bound in clause.items())
    for clause in (
        {"edad": 50, "azucar": 1.0},
        {"tabaquismo": 0, "sobrepeso": 0},
        {"presion_arterial": 1.4, "nivel_colesterol": 2.0},
    )
)
"""The label of the course's file, in every one of its rows. It is not medicine: it has no noise."""

GRID_STEPS: tuple[NDArray[np.float32], ...] = tuple(
    (np.arange(first, beyond) / divisor).astype(np.float32)
    for first, beyond, divisor in (
        (10, 30, 10),  # cholesterol, g/L
        (6, 18, 10),  # systolic pressure, 100 mmHg
        (5, 20, 10),  # sugar, g/L
        (0, 99, 1),  # age, years
        (0, 2, 1),  # overweight
        (0, 2, 1),  # smoker
    )
)
"""Every value each column takes in the course's file, divided from integers to be the nearest."""


@dataclass(frozen=True, slots=True)
class Cohort:
    """Patients whose outcome is known."""

    values: NDArray[np.float32]  # (n, 6), columns in FIELDS order and units
    at_risk: NDArray[np.bool_]  # (n,)
    file_name: str | None = None  # None where they were made

    def __len__(self) -> int:
        return len(self.at_risk)

    def take(self, rows: Rows) -> Cohort:
        return Cohort(self.values[rows], self.at_risk[rows], self.file_name)

    def patients(self) -> NDArray[np.intp]:
        """Number the patients, shape (n,): rows with the same six values have the same number."""
        return np.unique(self.values, axis=0, return_inverse=True)[1]

    @property
    def copies(self) -> int:
        """Rows that repeat another's six values."""
        return len(self) - len(np.unique(self.values, axis=0))

    def fingerprint(self) -> str:
        """Return the SHA-256 of the values (little-endian float32, by rows), then the outcomes."""
        outcomes = self.at_risk.astype(np.uint8)
        return sha256(self.values.astype("<f4").tobytes() + outcomes.tobytes()).hexdigest()


@dataclass(frozen=True, slots=True)
class Split:
    cohort: Cohort
    training: Cohort
    validation: Cohort  # chooses among candidates, and the threshold
    held_out: Cohort  # is measured and steers nothing

    @property
    def left_out(self) -> int:
        """Rows in no part, as a copy of theirs is in another."""
        return len(self.cohort) - len(self.training) - len(self.validation) - len(self.held_out)

    @property
    def steering(self) -> Cohort:
        """The training rows, then the validation rows, if they are others."""
        if self.validation is self.training:
            return self.training
        return Cohort(
            np.concatenate([self.training.values, self.validation.values]),
            np.concatenate([self.training.at_risk, self.validation.at_risk]),
        )


def course_rule(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Label patients (float32, shape (n, 6)) by ``RULE``."""
    columns = dict(zip(FIELD_NAMES, values.T, strict=True))
    # As float32, as the columns are: the 1.4 of a row is a little less than Python's.
    met = [[columns[each.field] > np.float32(each.above) for each in clause] for clause in RULE]
    return np.asarray(np.any([np.all(clause, axis=0) for clause in met], axis=0))


def make_cohort(seed: int = DEFAULT_SEED, rows: int = 5_000) -> Cohort:
    """Make patients distributed as in the course's file: every column uniform, all independent."""
    random = np.random.default_rng(seed)
    values = np.column_stack([random.choice(steps, rows) for steps in GRID_STEPS])
    return Cohort(values, course_rule(values))


def exact_cohort(seed: int = DEFAULT_SEED, rows: int = 100_000) -> Cohort:
    """Make patients with all their decimals, uniform between the ends of the course's grid."""
    random = np.random.default_rng(seed)
    lowest, highest = np.array([(steps[0], steps[-1]) for steps in GRID_STEPS]).T
    exact = np.where(
        [field.kind == "number" for field in FIELDS],
        random.uniform(lowest, highest, (rows, len(FIELDS))),
        np.floor(random.uniform(lowest, highest + 1, (rows, len(FIELDS)))),
    ).astype(np.float32)
    return Cohort(exact, course_rule(exact))


def whole_grid() -> Cohort:
    """Return every patient that the course's grid can hold, each once: 1,425,600 of them."""
    values = every_row(GRID_STEPS)
    return Cohort(values, course_rule(values))


def follows_the_course(cohort: Cohort) -> bool:
    """Tell whether the course's rule is right about every row, so that the grid has a truth."""
    return bool((course_rule(cohort.values) == cohort.at_risk).all())


def split_cohort(cohort: Cohort, seed: int = DEFAULT_SEED) -> Split:
    """Split at random, 80 % and 20 % as the course does, and a tenth of the 80 to validate.

    No patient stands on two sides: few copies are left out, with many patients are divided.
    """
    patients = cohort.patients()
    is_repetitive = cohort.copies > MOST_COPIES * len(cohort)
    divided = np.arange(patients.max() + 1 if is_repetitive else len(cohort))
    to_train, held_out = train_test_split(divided, test_size=0.2, random_state=seed)
    training, validation = train_test_split(to_train, test_size=0.1, random_state=seed)
    if is_repetitive:
        training, validation, held_out = (
            np.flatnonzero(np.isin(patients, part)) for part in (training, validation, held_out)
        )
    else:
        validation = validation[~np.isin(patients[validation], patients[training])]
        used = np.concatenate([training, validation])
        held_out = held_out[~np.isin(patients[held_out], patients[used])]
    return Split(cohort, cohort.take(training), cohort.take(validation), cohort.take(held_out))


def draw_background(training: Cohort, seed: int = DEFAULT_SEED) -> Cohort:
    """Draw the patients that stand for "anybody" in explanations; outcomes keep their share."""
    if len(training) <= BACKGROUND_ROWS:
        return training
    rows, shares = np.arange(len(training)), training.at_risk
    drawn, _ = train_test_split(
        rows, train_size=BACKGROUND_ROWS, random_state=seed, stratify=shares
    )
    return training.take(drawn)


def shaken(values: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    """Move each number by up to 0.3 of the smallest step between two values of its column."""
    steps = [
        0.0 if field.kind == "flag" else min(np.diff(np.unique(column)).tolist(), default=0.0)
        for field, column in zip(FIELDS, values.T, strict=True)
    ]
    spans = 0.3 * np.array(steps)
    return (values + random.uniform(-spans, spans, values.shape)).astype(np.float32)


def shortest(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Write values in the fewest digits that give the same float32 back."""
    return values.astype(str).astype(np.float64)


def profile_fields(training: Cohort) -> Iterator[FieldProfile]:
    """Describe each field, in ``FIELDS`` order, with edges between two values and never on one."""
    tenths = np.arange(1, PROFILE_BINS) / PROFILE_BINS
    for name, column in zip(FIELD_NAMES, training.values.T, strict=True):
        exact = np.unique(column)
        values = shortest(exact)
        deciles = np.quantile(column, tenths, method="inverted_cdf")
        below = np.searchsorted(exact, np.unique(deciles))
        below = below[below < len(values) - 1]
        edges = np.round((values[below] + values[below + 1]) / 2, 6).tolist()
        ends = {"lowest": values[0], "highest": values[-1]}
        yield FieldProfile(field=name, edges=edges, counts=_counts(column, edges), **ends)


def profile_scores(probabilities: NDArray[np.floating]) -> Profile:
    """Count probabilities in bins of equal width: nearly all lie in two heaps, at 0 and 1."""
    edges = [number / PROFILE_BINS for number in range(1, PROFILE_BINS)]
    return Profile(edges=tuple(edges), counts=_counts(probabilities, edges))


def _counts(values: NDArray[np.floating], edges: list[float]) -> tuple[int, ...]:
    bins = np.searchsorted(edges, values.astype(np.float64))  # as Profile.bin_of has it
    return tuple(np.bincount(bins, minlength=len(edges) + 1).tolist())


def read_cohort(
    path: Path,
    reading: Reading = _AS_FOUND,
    *,
    skip_bad_rows: bool = False,
    tell: Callable[[str], object] = str,
) -> Cohort:
    """Read a file with the six fields and ``riesgo_cardiaco``; other columns are ignored.

    So are empty rows. ``tell`` gets lines about how it is read, and about what is left out.

    Raises:
        UnusableData: with one line that names the file, and the first bad rows by their lines.
    """
    good = [np.empty((0, len(FIELDS) + 1), np.float32)]
    first_bad: list[str] = []
    kinds: Counter[str] = Counter()
    bad_rows = 0
    with open_table(path, (*FIELDS, LABEL), reading) as table:
        tell(f"{path}: {table}")
        for batch in table.batches():
            good.append(np.delete(batch.values, list(batch.faults), axis=0))
            bad = {row: said for row, said in batch.faults.items() if said != [EMPTY_ROW]}
            kinds.update(fault.kind for said in bad.values() for fault in said)
            first_bad += map(batch.told, sorted(bad)[: MOST_NAMED - len(first_bad)])
            bad_rows += len(bad)
        if bad_rows and not skip_bad_rows:
            more = [f"and {bad_rows - MOST_NAMED:,} more"] if bad_rows > MOST_NAMED else []
            said = "; ".join([*first_bad, *more])
            raise UnusableData(f"{said}; mend them, or leave them out with --skip-bad-rows")
        values = np.concatenate(good)
        cohort = Cohort(values[:, :-1].copy(), values[:, -1] == 1, _shown_name(path))
        if bad_rows:
            counted = "; ".join(f"{kind} ({count:,})" for kind, count in kinds.most_common())
            tell(f"{bad_rows:,} of {len(cohort) + bad_rows:,} rows left out: {counted}")
        _require_enough(cohort)
    return cohort


def _require_enough(cohort: Cohort) -> None:
    different = len(cohort) - cohort.copies
    if different < FEWEST_ROWS:
        told = f"training takes at least {FEWEST_ROWS} different rows; there are {different}"
        raise UnusableData(told)
    for label, rows in enumerate(np.bincount(cohort.at_risk, minlength=2).tolist()):
        if rows < FEWEST_ROWS_PER_LABEL:
            raise UnusableData(
                f"training takes at least {FEWEST_ROWS_PER_LABEL} rows with {RISK_COLUMN} = "
                f"{label}; there are {rows}"
            )


def _shown_name(path: Path) -> str:
    """Return a file's name as an answer may tell it: no directory, printable, not too long."""
    printable = "".join(filter(str.isprintable, path.name)).replace("\\", "")
    return printable[:LONGEST_FILE_NAME] or "?"
