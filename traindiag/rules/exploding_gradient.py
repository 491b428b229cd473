from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

import numpy as np

from traindiag.analysis.confidence import confidence, ratio
from traindiag.analysis.gradients import gradient_norm, layer_norms
from traindiag.analysis.signals import Signals
from traindiag.model.curve import Curve
from traindiag.model.finding import Evidence, Finding, Severity
from traindiag.rules.base import Example, Rule, option
from traindiag.rules.examples import decay, line, with_values
from traindiag.rules.remedies import clip_gradients, lower_learning_rate, number, present, warm_up


class ExplodingGradient(Rule):
    """The gradients grow without bound, or burst out to many times their usual size.

    ## Why it matters
    One step along a huge gradient undoes hundreds of good ones; overflow and NaN are the next stage.

    ## Evidence
    `gradient_norm` (or the largest `gradient_norm/<layer>`), each epoch against the median of the run. A
    warning: not finite, or ten times the median of the first half over the whole last fifth, or three bursts
    or more of thirty times it. A note: a burst.

    ## Remedies
    Clip at the 90th percentile of the run's own norms; if more than half of the steps would be clipped, lower
    the learning rate instead; warm up when the bursts come early.

    ## When to ignore
    Norms that grow slowly while the loss falls are usual with weight decay. With clipping at work the norm
    before clipping may burst without harm.

    ## References
    Pascanu, Mikolov and Bengio, On the difficulty of training recurrent neural networks, 2013. Google, Deep
    Learning Tuning Playbook, "gradient clipping".
    """

    code = "TD602"
    name = "exploding-gradient"
    severity = Severity.WARNING
    needs: ClassVar[tuple[str, ...]] = ()
    min_epochs = 8

    grown: float = option(
        10.0, "median norm of the last fifth over that of the first half", "trainproof takes 10"
    )
    burst: float = option(30.0, "norm over the median of the run that is a burst",
                          "epochs are means: single batches reach 10 in healthy runs")  # fmt: skip
    several: int = option(3, "this many bursts are a warning", "as for spikes of the loss")

    def skip_reason(self, signals: Signals) -> str:
        """Norms are needed, of all gradients or by layer."""
        if gradient_norm(signals) is None and not layer_norms(signals):
            return "no gradient norms in this log"
        return super().skip_reason(signals)

    def judge(self, signals: Signals) -> Iterator[Finding]:
        curve = _largest(signals)
        if curve is None or len(curve) < self.min_epochs:
            return
        found = (
            self._not_finite(signals, curve) or self._grown(signals, curve) or self._bursts(signals, curve)
        )
        if found is not None:
            yield found

    def _not_finite(self, signals: Signals, curve: Curve) -> Finding | None:
        places = np.flatnonzero(~np.isfinite(curve.value))
        if len(places) == 0:
            return None
        return self._finding(
            signals,
            curve,
            f"{curve.metric} is not finite in {len(places)} epochs, from epoch {int(curve.epoch[places[0]])} on",
            (float(len(places)), 0.0, "epochs without a finite norm"),
            0.99,
            places,
            Severity.WARNING,
        )

    def _grown(self, signals: Signals, curve: Curve) -> Finding | None:
        value, fifth = curve.value, max(len(curve) // 5, 3)
        base, end = float(np.median(value[: len(value) // 2])), float(np.median(value[-fifth:]))
        if base <= 0 or end < self.grown * base or float(value[-fifth:].min()) < 0.5 * self.grown * base:
            return None
        loss = signals.train_shape
        falls = loss is not None and loss.rise <= max(3 * loss.noise, 0.02 * loss.gain)
        return self._finding(
            signals,
            curve,
            f"{curve.metric} grew from {number(base)} to {number(end)}, {end / base:.0f} times the first half's",
            (end / base, self.grown, "last fifth over first half"),
            confidence(ratio(end / base, self.grown)),
            np.arange(len(value) - fifth, len(value)),
            Severity.NOTE if falls else Severity.WARNING,
        )

    def _bursts(self, signals: Signals, curve: Curve) -> Finding | None:
        usual = float(np.median(curve.value))
        places = np.flatnonzero(curve.value > self.burst * usual)
        if usual <= 0 or len(places) == 0 or len(places) > len(curve) / 4:
            return None
        worst = float(curve.value.max())
        where = ", ".join(str(int(curve.epoch[place])) for place in places[:5])
        return self._finding(
            signals,
            curve,
            f"{curve.metric} bursts to {number(worst)}, {worst / usual:.0f} times its median (epochs {where})",
            (worst / usual, self.burst, "norm over the median of the run"),
            confidence(ratio(worst / usual, self.burst)),
            places,
            Severity.WARNING if len(places) >= self.several else Severity.NOTE,
        )

    def _finding(
        self,
        signals: Signals,
        curve: Curve,
        message: str,
        measure: tuple[float, float, str],
        sure: float,
        places: np.ndarray[tuple[int], np.dtype[np.intp]],
        severity: Severity,
    ) -> Finding:
        observed, threshold, note = measure
        early = places[0] <= max(3, len(curve) // 10)
        lower = lower_learning_rate(signals, 3, "smaller steps stay where the gradient is still tame")
        return self.finding(
            message,
            confidence=sure,
            evidence=[
                Evidence(
                    series=curve.series,
                    epochs=(int(curve.epoch[places[0]]), int(curve.epoch[places[-1]])),
                    observed=observed,
                    threshold=threshold,
                    note=note,
                )
            ],
            remedies=present(clip_gradients(signals), lower, warm_up(signals) if early else None),
            severity=severity,
        )

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        yield Example(
            "grows with the loss",
            {
                "loss": decay(20, 2.3, 1.0, 0.3, 0.01) + line(20, 1.0, 4.0, 0.05),
                "gradient_norm": line(20, 1.0, 1.5, 0.1) + [float(1.5 * 1.3**step) for step in range(20)],
            },
        )
        norms = with_values(line(40, 1.0, 0.8, 0.1), {10: 60.0, 20: 90.0, 33: 55.0})
        yield Example("bursts", {"loss": decay(40, 2.3, 0.3, 0.1, 0.01), "gradient_norm": norms})
        yield Example(
            "infinite", {"loss": decay(40, 2.3, 0.3), "gradient_norm": [*line(39, 1.0, 2.0), float("inf")]}
        )

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        fall = decay(40, 2.3, 0.3, 0.1, 0.01)
        yield Example("healthy", {"loss": fall, "gradient_norm": decay(40, 3.0, 0.8, 0.1, 0.2)})
        yield Example(
            "large at first only", {"loss": fall, "gradient_norm": [20.0, 12.0, *line(38, 2.0, 0.9, 0.1)]}
        )
        yield Example(
            "grows threefold while the loss falls", {"loss": fall, "gradient_norm": line(40, 0.5, 1.5, 0.1)}
        )


def _largest(signals: Signals) -> Curve | None:
    """The norm of all gradients; without it, that of the layer with the largest one."""
    curve = gradient_norm(signals)
    if curve is not None:
        return curve
    layers = [each for _, each in layer_norms(signals)]
    return max(layers, key=lambda each: float(np.max(np.nan_to_num(each.value, posinf=np.inf))), default=None)
