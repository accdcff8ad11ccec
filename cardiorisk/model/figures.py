"""The figures of a network, as its card keeps them: each is checked when the card is loaded."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]

BANDS = 10  # of equal width, from 0 to 1, that answers are grouped into


class Member(BaseModel):
    """A part of the card."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Interval(Member):
    """A figure and its 95 % interval: Wilson's for shares of rows, for all else by resampling."""

    value: float = Field(description="The figure")
    low: float = Field(description="The lower bound")
    high: float = Field(description="The upper bound")


_BY_ROWS = "; null where no row says anything of it"


class Figures(Member):
    """What a network answers about some rows, at the card's threshold."""

    true_positives: Count = Field(description="Rows at risk that it called so")
    false_positives: Count = Field(description="Rows not at risk that it called at risk")
    true_negatives: Count = Field(description="Rows not at risk that it called so")
    false_negatives: Count = Field(description="Rows at risk that it missed")
    accuracy: Interval = Field(description="Share of right answers")
    sensitivity: Interval | None = Field(description=f"Share of those at risk found{_BY_ROWS}")
    specificity: Interval | None = Field(description=f"Share of the others let go{_BY_ROWS}")
    ppv: Interval | None = Field(description=f"Share of its yeses that are right{_BY_ROWS}")
    npv: Interval | None = Field(description=f"Share of its noes that are right{_BY_ROWS}")
    balanced_accuracy: Interval | None = Field(description=f"Mean of those two shares{_BY_ROWS}")
    auc: Interval | None = Field(description=f"Area under the ROC curve{_BY_ROWS}")
    brier: Interval = Field(description="Mean squared distance of probability and outcome")
    log_loss: Interval = Field(description="Mean cross-entropy, in nats")
    calibration_error: Interval = Field(description="Expected error over ten bins of equal width")
    calibration_slope: Interval | None = Field(
        description="Of outcomes on logits: below 1, too extreme; null where the answers part them"
    )
    calibration_intercept: Interval | None = Field(description="That line's height at a logit of 0")

    @property
    def rows(self) -> int:
        return self.true_positives + self.false_negatives + self.negatives

    @property
    def negatives(self) -> int:
        return self.true_negatives + self.false_positives

    @property
    def at_risk(self) -> int:
        return self.true_positives + self.false_negatives


class AgeBand(Member):
    """The figures of the held-out rows between two ages, both included."""

    first: Count = Field(description="The lowest age, in years")
    last: Count = Field(description="The highest age, in years")
    figures: Figures = Field(description="Of its rows")


class ProbabilityBand(Member):
    """The held-out rows whose answer is ``low`` or more and less than ``high``; the last has 1."""

    low: Share = Field(description="The lowest probability")
    high: Share = Field(description="Where the next band begins")
    rows: Count = Field(description="Held-out rows that were answered so")
    at_risk: Interval | None = Field(description="Share of them at risk; null where there are none")


class NetBenefit(Member):
    """One point of the decision curve: yeses that are right, less those that are wrong by odds."""

    threshold: Share = Field(description="The probability from which one would act")
    network: Interval = Field(description="Net benefit of acting on the network, for each row")
    everybody: float = Field(description="Of acting on everybody; acting on nobody has 0")


class EngineFigures(Member):
    """How often one engine is right; null where the grid has no truth."""

    held_out_accuracy: Share = Field(description="Share of right answers on held-out rows")
    grid_accuracy: Share | None = Field(description="Share of right answers on the input grid")
    grid_wrong_cells: Count | None = Field(description="Wrong answers on the input grid")
    between_steps_accuracy: Share | None = Field(description="The same between the grid's steps")


class NetworkFigures(Member):
    """Every figure of the network; accuracies and shares lie between 0 and 1."""

    training_accuracy: Share = Field(description="Share of right answers on training rows")
    training_loss: float = Field(description="Mean cross-entropy on training rows, in nats", ge=0)
    validation_accuracy: Share = Field(description="Share of right answers on validation rows")
    validation_loss: float = Field(description="The same on validation rows, in nats", ge=0)
    held_out: Figures = Field(description="Of the saved Keras file on rows that steered nothing")
    by_age: tuple[AgeBand, ...] = Field(description="The same by age; bands without rows left out")
    by_probability: tuple[ProbabilityBand, ...] = Field(
        description="The same by answer, from 0 to 1", min_length=BANDS, max_length=BANDS
    )
    decision_curve: tuple[NetBenefit, ...] = Field(description="On the held-out rows")
    commonest_accuracy: Share = Field(description="Of always giving training's commonest outcome")
    commonest_is_risk: bool = Field(description="Whether that outcome is the risk")
    commonest_chance: Share = Field(description="How likely chance is as much better than that")
    keras: EngineFigures = Field(description="Of the engine Keras")
    litert: EngineFigures = Field(description="Of the engine LiteRT")
    engines_largest_difference: Share = Field(description="Between the two engines' probabilities")


class ThresholdChoice(Member):
    """Why the threshold is 0.5, or the middle of the range that makes the fewest mistakes."""

    lowest: Share = Field(description="The smallest one with as few mistakes on validation rows")
    highest: Share = Field(description="The largest one of the same unbroken range")
    mistakes: Count = Field(description="Mistakes anywhere in that range")
    mistakes_at_half: Count = Field(description="Mistakes at 0.5")
    chance: Share = Field(description="How likely a range as good as that would be by chance")
    rows: int = Field(description="Validation rows", gt=0)
