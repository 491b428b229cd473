from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from traindiag.analysis.confidence import confidence, ratio
from traindiag.analysis.shape import Shape
from traindiag.analysis.signals import Signals
from traindiag.analysis.spikes import Spike, spikes_of
from traindiag.model.curve import Curve
from traindiag.model.finding import Evidence, Finding, Remedy, Severity
from traindiag.rules.base import Example, Rule, option
from traindiag.rules.examples import decay, line, with_values, zigzag
from traindiag.rules.remedies import check_data, clip_gradients, lower_learning_rate, number, present, warm_up

FINE_TUNED = 0.7
"""A loss that kept more than this of its start may have begun with trained weights."""
EARLY = 0.25
"""Part of the run in which fewer than `several` spikes are a note, however high."""
TORN_TRAIN, TORN_VAL = 4.5, 0.9
"""Heights of a spike that tore the weights, in levels that the losses end at; healthy runs reach 3.5 and 0.7."""


class LossSpike(Rule):
    """The loss jumps up and comes back: single batches throw the weights out.

    ## Why it matters
    Each spike costs the epochs it takes to come back, and the one that does not come back ends the run. A
    batch of wrong samples and a step too large look the same here; the gradient norms tell them apart.

    ## Evidence
    Points above the level before them and the level that the curve returns to within five epochs, by a fifth
    of all the loss gained and eight times the noise around them. Warning: three or more of them in the
    training loss, or one after the first quarter of the run that throws it back above its start, or both losses
    far above the level they end at. A note: fewer, or in the validation loss only.

    ## Remedies
    Clip gradients near the 90th percentile of their norms; look at the batches of those epochs; warm up when
    the spikes come early.

    ## When to ignore
    A single spike that cost nothing. Spikes in validation alone early in the run of a network with batch
    normalisation: its moving averages are not there yet.

    ## References
    Chowdhery and others, PaLM, 2022, section 5.1 (spikes; restart before them and skip the batches). Google,
    Deep Learning Tuning Playbook, "gradient clipping".
    """

    code = "TD203"
    name = "loss-spike"
    severity = Severity.WARNING
    needs: ClassVar[tuple[str, ...]] = ("loss",)
    min_epochs = 8

    height: float = option(0.2, "least height of a spike, as a fraction of all the loss gained",
                           "no healthy labelled run has a point this high and this far out of its noise")  # fmt: skip
    times_noise: float = option(8.0, "least height of a spike, in units of the noise around it",
                                "trainspotter warns from 6, errs from 10.8")  # fmt: skip
    several: int = option(3, "this many spikes in the training loss are a warning",
                          "one may be chance, two may be one bad batch met twice")  # fmt: skip

    def judge(self, signals: Signals) -> Iterator[Finding]:
        torn = self._torn(signals)
        for curve, shape in ((signals.train, signals.train_shape), (signals.val, signals.val_shape)):
            spikes = () if curve is None or shape is None else self._spikes(curve, shape) or torn
            if curve is not None and shape is not None and spikes:
                yield self._finding(signals, curve, shape, spikes, bool(torn))
                return

    def _spikes(self, curve: Curve, shape: Shape) -> tuple[Spike, ...]:
        if curve.mode == "max" or shape.gain <= 0 or len(shape) < self.min_epochs:
            return ()
        spikes = spikes_of(curve, self.height * shape.gain, self.times_noise)
        # Spikes everywhere are swings: another rule's.
        return spikes if len(spikes) <= max(len(curve) / 8, 2) else ()

    def _torn(self, signals: Signals) -> tuple[Spike, ...]:
        """Late spikes of the training loss that validation shows too: not a bad batch, the weights were thrown out."""
        train, val = signals.train_shape, signals.val_shape
        if signals.train is None or signals.val is None or train is None or val is None:
            return ()
        if signals.train.mode == "max" or not (train.positive and val.positive):
            return ()
        also = [spike.epoch for spike in spikes_of(signals.val, TORN_VAL * val.end, self.times_noise)]
        spikes = tuple(
            spike
            for spike in spikes_of(signals.train, TORN_TRAIN * train.end, self.times_noise)
            if spike.epoch > _settled(signals.train) and any(abs(spike.epoch - epoch) <= 3 for epoch in also)
        )
        return spikes if len(spikes) <= max(len(signals.train) / 8, 2) else ()

    def _finding(
        self, signals: Signals, curve: Curve, shape: Shape, spikes: tuple[Spike, ...], torn: bool
    ) -> Finding:
        highest = max(spikes, key=lambda spike: spike.height)
        severe = torn or (curve.split == "train" and self._severe(curve, shape, spikes, signals.resumed))
        name = "training" if curve.split == "train" else "validation"
        where = ", ".join(str(spike.epoch) for spike in spikes[:6]) + (" ..." if len(spikes) > 6 else "")
        count = "once" if len(spikes) == 1 else f"{len(spikes)} times"
        return self.finding(
            f"the {name} loss jumps {count} and comes back (epoch{'s' if len(spikes) > 1 else ''} {where}), "
            f"up to {number(highest.value)}",
            confidence=confidence(
                ratio(highest.height, self.height * shape.gain),
                ratio(highest.height, self.times_noise * highest.noise),
            ),
            evidence=[
                Evidence(
                    series=curve.series,
                    epochs=(spike.epoch, spike.epoch),
                    observed=spike.height / shape.gain,
                    threshold=self.height,
                    note="height, of all the loss gained",
                )
                for spike in spikes[:6]
            ],
            remedies=self._remedies(signals, curve, spikes, torn),
            severity=Severity.WARNING if severe else Severity.NOTE,
        )

    def _severe(self, curve: Curve, shape: Shape, spikes: tuple[Spike, ...], resumed: bool) -> bool:
        """Several, or one above the true start of the run, however far above all the rest that is."""
        start = max(shape.start, float(curve.value[0]))
        # A fine-tuned run gains so little that a spike of no weight beside its level is much of it.
        of_level = 0.5 if shape.kept > FINE_TUNED else 0.2
        least = max(self.height * (start - shape.best), of_level * shape.end if shape.positive else 0.0)
        tall = [spike for spike in spikes if spike.height > least]
        late = [spike for spike in tall if spike.epoch > _settled(curve)]
        return len(tall) >= self.several or (not resumed and any(spike.value > start for spike in late))

    @staticmethod
    def _remedies(
        signals: Signals, curve: Curve, spikes: tuple[Spike, ...], torn: bool
    ) -> tuple[Remedy, ...]:
        epochs = ", ".join(str(spike.epoch) for spike in spikes[:3])
        batches = check_data(
            f"log the loss of each batch around epoch {epochs} and look at the samples of the worst one",
            "one batch of broken samples or labels is enough for a spike",
            "worst = keras.callbacks.LambdaCallback(\n"
            "    on_train_batch_end=lambda batch, logs: print(batch, logs['loss'])\n"
            ")\nmodel.fit(..., callbacks=[worst])",
        )
        early = spikes[0].epoch <= curve.epoch[0] + max(5, 0.1 * len(curve))
        why = "a step that throws both losses out was too large for the valley it was in"
        lower = lower_learning_rate(signals, 3, why) if torn else None
        return present(lower, clip_gradients(signals), batches, warm_up(signals) if early else None)

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        fall = decay(60, 2.3, 0.2, 0.1, 0.01)
        yield Example(
            "three spikes",
            {"loss": with_values(fall, {20: 1.9, 33: 1.6, 47: 2.2}), "val_loss": decay(60, 2.3, 0.3)},
        )
        yield Example(
            "one spike above the start", {"loss": with_values(fall, {30: 5.0, 31: 1.5}), "val_loss": fall}
        )
        wild = decay(60, 60.0, 0.9, 0.5, 0.01)
        yield Example(
            "one that throws both losses out, far below a wild start",
            {"loss": with_values(wild, {32: 9.0, 33: 3.0}), "val_loss": with_values(wild, {32: 3.0})},
        )

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        yield Example(
            "noisy but healthy",
            {"loss": decay(60, 2.3, 0.3, 0.1, 0.05), "val_loss": decay(60, 2.3, 0.4, 0.1, 0.12, 3)},
        )
        yield Example(
            "a steep start and a step of the rate",
            {"loss": [90.0, 3.0, 2.5, *line(17, 2.2, 2.0, 0.01), *line(20, 1.2, 1.1, 0.01)]},
        )
        yield Example("swings everywhere", {"loss": zigzag(40, 10.0, 2.5)})
        rising = [*decay(20, 2.3, 0.5), *line(20, 3.0, 3.4, 0.01)]
        yield Example("a jump that stays", {"loss": rising, "val_loss": rising})
        yield Example("one low point", {"loss": with_values(decay(40, 2.3, 0.4, 0.1, 0.01), {25: 0.05})})


def _settled(curve: Curve) -> float:
    """A warm-up that went a step too far and was made good in the first epochs cost nothing."""
    return float(curve.epoch[0] + EARLY * (curve.epoch[-1] - curve.epoch[0]))
