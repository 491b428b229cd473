from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from traindiag.analysis.confidence import confidence, ratio
from traindiag.analysis.noise import spread
from traindiag.analysis.signals import Signals
from traindiag.analysis.timing import epoch_seconds
from traindiag.model.finding import Evidence, Finding, Severity
from traindiag.rules.base import Example, Rule, option
from traindiag.rules.examples import decay, line
from traindiag.rules.remedies import check_data, number

if TYPE_CHECKING:
    from numpy.typing import NDArray


class SlowingDown(Rule):
    """Epochs take longer and longer, or suddenly much longer, than they did at first.

    ## Why it matters
    The same work takes more time: memory fills up, a graph grows, the machine is shared or throttled. The
    rest of the run will cost more than planned.

    ## Evidence
    Seconds per epoch, from `epoch_time` or the wall times of the log, the first epoch left out: the median of
    the last third is half as long again as that of the first third, or more, and beyond what the epochs vary.
    A warning from twice as long. The message says whether it crept up or jumped.

    ## Remedies
    When it creeps: look for lists that grow, metrics or graphs made anew in every epoch. When it jumps: look
    at what else began on the machine, and at temperature and clocks.

    ## When to ignore
    When the work itself grew: more data per epoch, longer sequences, layers thawed, validation added.

    ## References
    trainspotter (step time 1.4 times), trainproof (a cliff of 3 times). TensorFlow, "Better performance with
    tf.function" (retracing).
    """

    code = "TD502"
    name = "slowing-down"
    severity = Severity.NOTE
    needs: ClassVar[tuple[str, ...]] = ()
    min_epochs = 10

    slower: float = option(1.5, "last third over first third that is worth a note", "trainspotter takes 1.4")
    twice: float = option(
        2.0, "last third over first third that is a warning", "the rest of the run costs double"
    )

    def skip_reason(self, signals: Signals) -> str:
        """Times are needed, from a metric or the log itself."""
        times = epoch_seconds(signals)
        if times is None:
            return "no wall times and no epoch_time in this log"
        count = len(times[0])
        return f"{count} epochs with a time, needs {self.min_epochs}" if count < self.min_epochs else ""

    def judge(self, signals: Signals) -> Iterator[Finding]:
        times = epoch_seconds(signals)
        if times is None:
            return
        epochs, seconds = times[0][1:], times[1][1:]
        third = len(seconds) // 3
        first, last = float(np.median(seconds[:third])), float(np.median(seconds[-third:]))
        noise = max(spread(seconds[:third]), spread(seconds[-third:]))
        factor = last / first
        # Log times are coarse: a difference of a second proves nothing.
        if factor < self.slower or last - first < max(3 * noise, 1.0):
            return
        jump = _jump(seconds)
        limit = self.twice if factor >= self.twice else self.slower
        how = f"since epoch {int(epochs[jump])}" if jump is not None else "bit by bit"
        yield self.finding(
            f"an epoch takes {number(last)} s at the end, {number(first)} s at the start: {factor:.1f} times, {how}",
            confidence=confidence(ratio(factor, limit), ratio(last - first, max(3 * noise, 1e-9))),
            evidence=[
                Evidence(
                    series="train/epoch_time",
                    epochs=(int(epochs[0]), int(epochs[-1])),
                    observed=factor,
                    threshold=limit,
                    note="seconds per epoch, last third over first third",
                )
            ],
            remedies=(
                check_data(
                    f"look at what began at epoch {int(epochs[jump])} on this machine, at temperature and clocks"
                    if jump is not None
                    else "look for lists that grow, and for metrics or graphs that are made anew in every epoch",
                    f"at the first pace {len(epochs)} epochs would have taken {number(first * len(epochs) / 3600)} h, "
                    f"they took {number(float(seconds.sum()) / 3600)} h",
                    ""
                    if jump is not None
                    else "keras.backend.clear_session()  # between models built in a loop",
                ),
            ),
            severity=Severity.WARNING if factor >= self.twice else Severity.NOTE,
        )

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        yield Example(
            "creeps up to three times",
            {"loss": decay(30, 2.3, 0.3), "epoch_time": line(30, 20.0, 60.0, 0.05)},
        )
        yield Example(
            "jumps, by the log's own times", {"loss": decay(30, 2.3, 0.3)}, seconds=[30.0] * 15 + [75.0] * 15
        )

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        fall = decay(30, 2.3, 0.3)
        yield Example("steady", {"loss": fall}, seconds=line(30, 30.0, 32.0, 0.1))
        yield Example("the first epoch compiles", {"loss": fall}, seconds=[90.0] + [20.0] * 29)
        yield Example("one long pause", {"loss": fall}, seconds=[20.0] * 20 + [900.0] + [20.0] * 9)
        yield Example("fractions of a second", {"loss": fall, "epoch_time": line(30, 0.1, 0.3)})
        yield Example("no times", {"loss": fall})


def _jump(seconds: NDArray[np.float64]) -> int | None:
    """Where the times jump: the place that splits them into two level parts; None when they creep."""
    total = float(np.sum(np.abs(seconds - np.median(seconds))))

    def split_error(place: int) -> float:
        parts = seconds[:place], seconds[place:]
        return float(sum(np.sum(np.abs(part - np.median(part))) for part in parts))

    places = range(2, len(seconds) - 1)
    best = min(places, key=split_error, default=None)
    return best if best is not None and split_error(best) < 0.3 * total else None
