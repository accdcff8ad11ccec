"""The TRIPOD+AI checklist, answered item by item for the model made from the course's rule.

Words only. The surprise: most clinical items can only be answered "not applicable" or "no", and
that is the point of answering them: nothing here was ever near a patient.
Source: Collins et al., "TRIPOD+AI statement", BMJ 2024;385:e078378; items in our own words.
"""

from __future__ import annotations

TRIPOD_ITEMS: tuple[tuple[str, str, str], ...] = (
    (
        "1",
        "Title",
        (
            "Development and evaluation of a teaching model of a made-up rule; target population:"
            " none; outcome: the rule's label."
        ),
    ),
    ("2", "Abstract", "The first section of this card."),
    (
        "3a",
        "Healthcare context",
        "None. The exercise borrows the words of cardiac risk; no clinical need was studied.",
    ),
    (
        "3b",
        "Target population and purpose",
        "No patients. Purpose: a course assignment about serving a network.",
    ),
    (
        "3c",
        "Known health inequalities",
        (
            "Not considered by the source of the rule. Real cardiac risk differs by sex, "
            "ethnicity and income; none of them is in the data, so the model cannot even be "
            "checked for it."
        ),
    ),
    (
        "4",
        "Objectives",
        (
            "Reach the rule's ceiling (100 %) with a 14-7-1 network, from 3,600 rows to learn from"
            " and 400 to choose by, and measure it on every possible patient."
        ),
    ),
    (
        "5a",
        "Data sources",
        (
            "Synthetic rows drawn from a seed, distributed as the course's table. The same source"
            " for development and evaluation: there is no external evaluation."
        ),
    ),
    ("5b", "Dates", "Not applicable: no patient was enrolled, no follow-up exists."),
    ("6a", "Setting", "None: no centre, no country."),
    ("6b", "Eligibility", "Every combination of the course's grid of values is eligible."),
    ("6c", "Treatments", "Not applicable."),
    (
        "7",
        "Data preparation",
        (
            "Values go in as measured; scaling to -1…1 is a layer inside the network. A user's "
            "own file is refused at the first bad cell. The row number is never an input."
        ),
    ),
    (
        "8a",
        "Outcome",
        (
            "(age > 50 and sugar > 1.0) or (smoker and overweight) or (pressure > 1.4 and "
            "cholesterol > 2.0). No time horizon: it is not an event."
        ),
    ),
    ("8b", "Outcome assessors", "None: the label is computed, the same for everybody."),
    ("8c", "Blinding", "Not applicable: the label is a function of the predictors themselves."),
    (
        "9a",
        "Choice of predictors",
        (
            "Given by the assignment. Sex, family history and medication, which real scores use, "
            "are absent."
        ),
    ),
    (
        "9b",
        "Definition of predictors",
        (
            "Total cholesterol (g/L), systolic pressure (100 mmHg), blood sugar (g/L), age "
            "(years), overweight and smoker (yes or no, without a definition of either)."
        ),
    ),
    ("9c", "Predictor assessors", "None."),
    (
        "10",
        "Sample size",
        (
            "The course's 5,000 rows, not computed. Ten other draws of the same size show what "
            "the size gives (see the report)."
        ),
    ),
    (
        "11",
        "Missing data",
        "None in training. In use, a missing value is refused, not imputed.",
    ),
    (
        "12a",
        "Use of the data",
        (
            "72 % to learn from, 8 % to choose the candidate and the threshold, 20 % held out; "
            "split at random by the seed."
        ),
    ),
    (
        "12b",
        "Handling of predictors",
        (
            "Continuous values are kept continuous; linear scaling from the accepted ranges, not "
            "from the rows."
        ),
    ),
    (
        "12c",
        "Model building",
        (
            "A small fully connected network, given by the assignment; sixteen candidates trained"
            " side by side, the one with the least loss on shaken validation rows is kept. The "
            "recipe was searched while looking at the grid, mostly on other seeds; "
            "docs/entrenamiento.md has the table."
        ),
    ),
    ("12d", "Heterogeneity between clusters", "Not applicable: there are no clusters."),
    (
        "12e",
        "Performance measures",
        (
            "Accuracy, AUC, Brier, log-loss and expected calibration error with bootstrap "
            "intervals; exact count over the grid. No measure of clinical utility: there is no "
            "clinic."
        ),
    ),
    ("12f", "Model updating", "None after training."),
    (
        "12g",
        "How predictions are computed",
        "By the saved files, loaded again through the libraries that serve them.",
    ),
    (
        "13",
        "Class imbalance",
        "None to speak of (about half at risk); nothing was resampled or weighted.",
    ),
    (
        "14",
        "Fairness",
        (
            "Accuracy by age band is reported. By sex, ethnicity or income it cannot be: not in "
            "the data."
        ),
    ),
    (
        "15",
        "Model output",
        (
            "A probability and a yes/no at the stored threshold; how it was chosen is in the card"
            " and in the report."
        ),
    ),
    (
        "16",
        "Differences between training and evaluation",
        (
            "None in distribution, by construction. That is a weakness: the figures say nothing "
            "about other data."
        ),
    ),
    ("17", "Ethical approval", "Not needed: no human data."),
    ("18a", "Funding", "None."),
    ("18b", "Conflicts of interest", "None known."),
    ("18c", "Protocol", "None was written beforehand."),
    ("18d", "Registration", "Not registered."),
    ("18e", "Data sharing", "The rows are made again from the seed by `train.py`."),
    ("18f", "Code sharing", "All of it is in this repository, with pinned dependencies."),
    ("19", "Patient and public involvement", "None."),
    (
        "20a",
        "Participants",
        "No flow of participants: every drawn row was used in exactly one part.",
    ),
    (
        "20b",
        "Characteristics",
        (
            "Each field uniform over its grid and independent of the others, unlike any "
            "population; spreads are in `training_fields` of card.json."
        ),
    ),
    ("20c", "Development against evaluation", "Same distribution; counts are in the report."),
    (
        "21",
        "Participants and outcomes in each analysis",
        "In the first table of the report: rows and share at risk of each part.",
    ),
    (
        "22",
        "Model specification",
        "Complete: the saved files hold the scaling and the 211 weights; card.json their hashes.",
    ),
    ("23a", "Performance", "The figures above, and in the report, also by age band."),
    (
        "23b",
        "Heterogeneity of performance",
        "Ten data seeds, in the report.",
    ),
    ("24", "Results of model updating", "Not applicable."),
    (
        "25",
        "Interpretation",
        (
            "The network learnt the rule. This is no evidence about hearts, and no statement on "
            "fairness can be made from data without people."
        ),
    ),
    (
        "26",
        "Limitations",
        (
            "Synthetic, noiseless, unrepresentative by design; no external evaluation; unknown "
            "behaviour between the grid's steps and beyond what training saw."
        ),
    ),
    (
        "27a",
        "Poor or missing input",
        (
            "Missing or impossible input is refused with the reason. Input beyond what training "
            "saw is answered with a warning. The cost of coarse input is measured in the report."
        ),
    ),
    (
        "27b",
        "Users and their expertise",
        "For students and developers. Nobody should act on an answer.",
    ),
    (
        "27c",
        "Next steps",
        "None towards the clinic. Real use would need another outcome, real data and a new model.",
    ),
)
"""Item, what it asks for, and the answer."""
