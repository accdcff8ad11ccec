"""A file with the header of the Framingham study's teaching data, and made-up people in it.

As in the real one, about one in seven falls ill, the columns say little of whom, sugar is missing
in one of eleven rows, and some cholesterol and pressure lies beyond what the network accepts.
"""

from pathlib import Path

import numpy as np

HEADER = (
    "male,age,education,currentSmoker,cigsPerDay,BPMeds,prevalentStroke,prevalentHyp,diabetes,"
    "totChol,sysBP,diaBP,BMI,heartRate,glucose,TenYearCHD"
)
OPTIONS = (
    "--units=mg/dL",
    "--units=mmHg",
    "--column=colesterol=totChol",
    "--column=presion=sysBP",
    "--column=glucosa=glucose",
    "--column=edad=age",
    "--column=sobrepeso=prevalentHyp",
    "--column=tabaquismo=currentSmoker",
    "--column=riesgo_cardiaco=TenYearCHD",
    "--skip-bad-rows",
)
"""How it is read; overweight is not in the file, and high pressure stands in for it."""


def write(path: Path, rows: int = 4_240, seed: int = 1) -> Path:
    random = np.random.default_rng(seed)
    age = random.integers(32, 71, rows)
    pressure = random.gamma(9, 7.4, rows) + 68
    cholesterol = random.normal(237, 44, rows)
    sugar = np.where(random.random(rows) < 0.03, random.normal(170, 60, rows), 0) + random.normal(
        79, 11, rows
    )
    smoker = random.integers(0, 2, rows)
    logit = (
        -3.6 + 0.045 * (age - 32) + 0.012 * (pressure - 90) + 0.003 * (sugar - 50) + 0.2 * smoker
    )
    ill = random.random(rows) < 1 / (1 + np.exp(-logit))
    is_lost = random.random((rows, 3)) < (0.0118, 0.0045, 0.0915)
    lines = [HEADER]
    for row in range(rows):
        lost = is_lost[row]
        cells = (
            random.integers(0, 2),
            age[row],
            random.integers(1, 5),
            smoker[row],
            20 * smoker[row],
            0,
            0,
            int(pressure[row] > 140),
            int(sugar[row] > 126),
            "NA" if lost[0] else round(cholesterol[row]),
            f"{pressure[row]:.1f}",
            f"{pressure[row] * 0.6:.1f}",
            "NA" if lost[1] else f"{random.normal(25.8, 4):.2f}",
            random.integers(45, 120),
            "NA" if lost[2] else round(max(40.0, sugar[row])),
            int(ill[row]),
        )
        lines.append(",".join(map(str, cells)))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
