from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

import numpy as np

from traindiag.analysis.confidence import confidence
from traindiag.analysis.noise import point_noise
from traindiag.analysis.resumes import Resume, resumes_of
from traindiag.analysis.signals import Signals
from traindiag.model.curve import Curve
from traindiag.model.finding import Evidence, Finding, Remedy, Severity
from traindiag.rules.base import Example, Rule, option
from traindiag.rules.examples import decay, line
from traindiag.rules.remedies import number, present


class Resumed(Rule):
    """Training was interrupted and resumed: epochs start late, step back or come twice.

    ## Why it matters
    A resumed run starts at a good level, so its small gains prove nothing. Epochs that were logged twice are
    counted once, the later values hold. When the optimizer's state was not restored, the loss jumps at the
    seam.

    ## Evidence
    The epochs as logged: the first one, each step back, each repeated epoch, and how far the loss jumps
    there in units of its noise.

    ## Remedies
    Resume with `BackupAndRestore`, which restores optimizer, epoch and weights; keep the logs of one run
    in one file that is appended to.

    ## When to ignore
    When it was meant. The finding is a note: it says how the log was put together.

    ## References
    Keras, `keras.callbacks.BackupAndRestore`; `keras.callbacks.CSVLogger(append=True)`;
    `Model.fit(initial_epoch=...)`.
    """

    code = "TD402"
    name = "resumed"
    severity = Severity.NOTE
    needs: ClassVar[tuple[str, ...]] = ("loss",)
    min_epochs = 1

    jump: float = option(6.0, "a jump of the loss at the seam this many times its noise shows lost state",
                         "spikes are told from noise at 8 times")  # fmt: skip

    def judge(self, signals: Signals) -> Iterator[Finding]:
        curve = signals.train if signals.train is not None else signals.val
        if curve is None or len(curve) == 0:
            return
        resumes = resumes_of(signals.logged(curve))
        late = curve.axis == "epoch" and int(curve.epoch[0]) > 1
        if not resumes and not late:
            yield from self._stitched(signals)
            return
        torn = [resume for resume in resumes if self._jumps(curve, resume)]
        yield self.finding(
            self._message(curve, resumes, late, torn),
            confidence=0.99 if resumes else confidence(float(curve.epoch[0])),
            evidence=self._evidence(curve, resumes, late),
            remedies=self._remedies(curve, torn),
        )

    def _stitched(self, signals: Signals) -> Iterator[Finding]:
        """Parts that the reader has put one after the other already."""
        how = signals.run.source.details.get("restarts", "")
        if how:
            yield self.finding(f"several fits in one log: {how}", confidence=0.99)

    def _jumps(self, curve: Curve, resume: Resume) -> bool:
        noise = point_noise(curve.value[np.isfinite(curve.value)])
        return resume.jump > max(self.jump * noise, 0.05 * abs(resume.before))

    @staticmethod
    def _message(curve: Curve, resumes: tuple[Resume, ...], late: bool, torn: list[Resume]) -> str:
        parts = []
        if late:
            parts.append(f"the log begins at epoch {int(curve.epoch[0])}")
        if resumes:
            places = ", ".join(f"{resume.last} to {resume.first}" for resume in resumes[:4])
            more = " ..." if len(resumes) > 4 else ""
            parts.append(f"the epochs step back {len(resumes)} time{'s' if len(resumes) > 1 else ''} ({places}{more}); "
                         "of epochs logged twice the later value counts")  # fmt: skip
        if torn:
            parts.append(
                f"the loss jumps from {number(torn[0].before)} to {number(torn[0].after)} at the seam"
            )
        return "; ".join(parts)

    @staticmethod
    def _evidence(curve: Curve, resumes: tuple[Resume, ...], late: bool) -> list[Evidence]:
        first = int(curve.epoch[0])
        begin = [
            Evidence(
                series=curve.series,
                epochs=(first, first),
                observed=float(first),
                threshold=0.0,
                note="first epoch of the log",
            )
        ]
        back = [
            Evidence(
                series=curve.series,
                epochs=(resume.first, resume.last),
                observed=float(resume.last - resume.first + 1),
                threshold=None,
                note="epochs that were logged before and are logged again",
            )
            for resume in resumes[:8]
        ]
        return (begin if late else []) + back

    @staticmethod
    def _remedies(curve: Curve, torn: list[Resume]) -> tuple[Remedy, ...]:
        restore = Remedy(
            action="backup-and-restore",
            change="resume with BackupAndRestore: it restores weights, optimizer state and epoch"
            + (f", which the jump at epoch {torn[0].first} shows were lost" if torn else ""),
            why="an optimizer that starts anew takes steps that its averages would have damped",
            snippet="backup = keras.callbacks.BackupAndRestore('backup')\nmodel.fit(..., callbacks=[backup])",
        )
        again = int(curve.epoch[-1]) + 1
        number_on = Remedy(
            action="initial-epoch",
            change=f"go on counting: initial_epoch={again} for the next part, and CSVLogger(append=True)",
            why="then the parts are one run without a seam",
            snippet="log = keras.callbacks.CSVLogger('log.csv', append=True)\n"
            f"model.fit(..., initial_epoch={again}, epochs={again + 1}, callbacks=[log])",
        )
        return present(restore, number_on)

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        fall = decay(40, 2.3, 0.3, 0.1, 0.01)
        yield Example(
            "steps back from epoch 19 to 15",
            {"loss": fall[:20] + fall[15:35], "val_loss": fall[:20] + fall[15:35]},
            epochs=[*range(20), *range(15, 35)],
        )
        yield Example("begins at epoch 60", {"loss": line(30, 0.3, 0.28, 0.01)}, first_epoch=60)

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        fall = decay(40, 2.3, 0.3, 0.1, 0.01)
        yield Example("one run from epoch 0", {"loss": fall, "val_loss": fall})
        yield Example("epochs counted from one", {"loss": fall}, first_epoch=1)
        yield Example("every fifth epoch logged", {"loss": fall[:20]}, epochs=list(range(0, 100, 5)))
