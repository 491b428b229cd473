from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from traindiag.analysis.signals import Signals
from traindiag.model.finding import Finding, Severity
from traindiag.rules.base import Example, Rule
from traindiag.rules.examples import decay, line, valley, with_values
from traindiag.rules.remedies import check_data, clip_gradients, early_stopping, lower_learning_rate, present


class Diverging(Rule):
    """The training loss rises for good: the worst case.

    ## Why it matters
    Training minimises this very number. When it rises and does not come back, the steps are larger than the
    valley is wide, or the data changed under way; more epochs make it worse.

    ## Evidence
    The end of the smoothed training loss lies above its best by at least a quarter of its own range, by
    several times its noise, and by more than any earlier rise that was made good; the rise goes on, or stays,
    over the last third.

    ## Remedies
    A learning rate ten times smaller first, then gradient clipping or warm-up; go back to the best epoch. If
    the rise began at a certain epoch, look at what changed there: schedule, data, resumed optimizer state.

    ## When to ignore
    A loss whose definition changes during training (annealed weights, curriculum) may rise by design.

    ## References
    LeCun, Bottou, Orr and Mueller, Efficient BackProp, 1998, section 4.6 (the largest stable learning rate).
    Google, Deep Learning Tuning Playbook, "unstable training".
    """

    code = "TD104"
    name = "diverging"
    severity = Severity.ERROR
    needs: ClassVar[tuple[str, ...]] = ("loss",)

    def judge(self, signals: Signals) -> Iterator[Finding]:
        reading = signals.reading
        if reading is None or reading.cell != "diverging":
            return
        lower = lower_learning_rate(signals, 10, "the steps overshoot: each one ends higher than it began")
        keep = early_stopping(signals)
        data = check_data(
            "look at what changed where the rise began: learning-rate schedule, data file, resumed optimizer state",
            "a loss that had been falling does not turn by itself",
        )
        yield self.finding(
            f"{reading.reason} and does not come back",
            confidence=reading.confidence,
            evidence=reading.evidence,
            remedies=present(lower, clip_gradients(), keep, data),
        )

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        yield Example("only a validation loss was logged", {"val_loss": line(40, 0.5, 3.0, 0.03)})
        yield Example(
            "both losses rise", {"loss": line(40, 2.3, 9.0, 0.03), "val_loss": line(40, 2.4, 9.5, 0.05)}
        )
        turned = valley(50, 2.3, 0.6, 3.0, 15, 0.02)
        yield Example(
            "falls, then rises for good", {"loss": turned, "val_loss": [1.1 * value for value in turned]}
        )

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        fall = decay(40, 2.3, 0.3, 0.1, 0.03)
        yield Example("one spike in the last epoch", {"loss": with_values(fall, {39: 3.0}), "val_loss": fall})
        swing = decay(60, 2.3, 0.4)
        swing[25:31] = [0.9, 1.3, 1.2, 0.9, 0.7, 0.6]
        yield Example("a bad stretch that came back", {"loss": swing, "val_loss": swing})
        yield Example("validation alone rises", {"loss": fall, "val_loss": valley(40, 2.3, 0.9, 1.6, 12)})
