"""The figures of a network, as its card keeps them: each is checked when the card is loaded."""

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]

_ROUNDING = 1e-9  # what a share that was computed may be beyond 0 and 1

BANDS = 10  # of equal width, from 0 to 1, that answers are grouped into


class Member(BaseModel):
    """A part of the card."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Interval(Member):
    """A figure and its 95 % interval: Wilson's for shares of rows, for all else by resampling."""

    value: float = Field(description="The figure")
    low: float = Field(description="The lower bound")
    high: float = Field(description="The upper bound")

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.low > self.high:
            raise ValueError("low must not be above high")
        return self


def _at_most_1(interval: Interval) -> Interval:
    if max(interval.value, interval.high) > 1 + _ROUNDING:
        raise ValueError("must be at most 1")
    return interval


def _at_least_0(interval: Interval) -> Interval:
    if min(interval.value, interval.low) < -_ROUNDING:
        raise ValueError("must be at least 0")
    return interval


Gain = Annotated[Interval, AfterValidator(_at_most_1)]
Loss = Annotated[Interval, AfterValidator(_at_least_0)]
Ratio = Annotated[Loss, AfterValidator(_at_most_1)]


_BY_ROWS = "; null where no row says anything of it"


class Figures(Member):
    """What a network answers about some rows, at the card's threshold."""

    true_positives: Count = Field(description="Rows at risk that it called so")
    false_positives: Count = Field(description="Rows not at risk that it called at risk")
    true_negatives: Count = Field(description="Rows not at risk that it called so")
    false_negatives: Count = Field(description="Rows at risk that it missed")
    accuracy: Ratio = Field(description="Share of right answers")
    sensitivity: Ratio | None = Field(description=f"Share of those at risk found{_BY_ROWS}")
    specificity: Ratio | None = Field(description=f"Share of the others let go{_BY_ROWS}")
    ppv: Ratio | None = Field(description=f"Share of its yeses that are right{_BY_ROWS}")
    npv: Ratio | None = Field(description=f"Share of its noes that are right{_BY_ROWS}")
    balanced_accuracy: Ratio | None = Field(description=f"Mean of those two shares{_BY_ROWS}")
    auc: Ratio | None = Field(description=f"Area under the ROC curve{_BY_ROWS}")
    brier: Ratio = Field(description="Mean squared distance of probability and outcome")
    log_loss: Loss = Field(description="Mean cross-entropy, in nats")
    calibration_error: Ratio = Field(description="Expected error over ten bins of equal width")
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
    at_risk: Ratio | None = Field(description="Share of them at risk; null where there are none")


class NetBenefit(Member):
    """One point of the decision curve: yeses that are right, less those that are wrong by odds."""

    threshold: Share = Field(description="The probability from which one would act")
    network: Gain = Field(description="Net benefit of acting on the network, for each row")
    everybody: float = Field(description="Of acting on everybody; acting on nobody has 0", le=1)


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

    @model_validator(mode="after")
    def _check_counts(self) -> Self:
        by_age = sum(band.figures.rows for band in self.by_age)
        by_probability = sum(band.rows for band in self.by_probability)
        if not by_age == by_probability == self.held_out.rows:
            raise ValueError(
                f"rows add up to {by_age:,} by age, to {by_probability:,} by probability, and "
                f"held_out's to {self.held_out.rows:,}"
            )
        return self


class ThresholdChoice(Member):
    """Why the threshold is 0.5, or the middle of the range that makes the fewest mistakes."""

    lowest: Share = Field(description="The smallest one with as few mistakes on validation rows")
    highest: Share = Field(description="The largest one of the same unbroken range")
    mistakes: Count = Field(description="Mistakes anywhere in that range")
    mistakes_at_half: Count = Field(description="Mistakes at 0.5")
    chance: Share = Field(description="How likely a range as good as that would be by chance")
    rows: int = Field(description="Validation rows", gt=0)
