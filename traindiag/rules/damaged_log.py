from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from traindiag.analysis.signals import Signals
from traindiag.model.finding import Evidence, Finding, Remedy, Severity
from traindiag.model.run import Damage
from traindiag.rules.base import Example, Rule, option
from traindiag.rules.examples import decay


class DamagedLog(Rule):
    """Part of the log could not be read: bytes, rows or records were lost.

    ## Why it matters
    What is judged here is what is left. Other readers stop at the first bad record without a word, so the
    same file may look shorter elsewhere.

    ## Evidence
    Every damaged place that was passed over, with its offset or line and what was lost there. A note up to
    one record in twenty, a warning beyond. All confidences of this run are lowered.

    ## Remedies
    Copy the log again. Close writers before copying; let only one process write one file; keep the log on a
    disk that is not full.

    ## When to ignore
    A log copied while it was still being written usually lacks only its last record.

    ## References
    TensorFlow, `tensorflow/core/lib/io/record_writer.h` (records carry the checksums that show damage).
    """

    code = "TD403"
    name = "damaged-log"
    severity = Severity.NOTE
    needs: ClassVar[tuple[str, ...]] = ()
    min_epochs = 0

    share: float = option(
        0.05, "share of the records lost that makes it a warning", "one in twenty can hide a spike"
    )

    def judge(self, signals: Signals) -> Iterator[Finding]:
        damage = signals.run.source.damage
        if not damage:
            return
        lost, kept = sum(each.records for each in damage), sum(len(each) for each in signals.series)
        share = lost / (lost + kept) if lost + kept else 1.0
        places = f"{len(damage)} place{'s' if len(damage) > 1 else ''}"
        yield self.finding(
            f"{_amount(damage)} lost at {places} of the log, the first at {damage[0].place}: {damage[0].what}",
            confidence=0.99,
            evidence=[
                Evidence(
                    series=each.path,
                    epochs=(0, 0),
                    observed=float(each.records or each.size),
                    threshold=0.0,
                    note=f"{'records' if each.records else 'bytes'} lost at {each.place}: {each.what}",
                )
                for each in damage[:8]
            ],
            remedies=(
                Remedy(
                    action="copy-again",
                    change="copy the log again after its writer has closed it, and compare the sizes",
                    why="most damage is done by copying a file that is still written, or by two writers of one file",
                ),
            ),
            severity=Severity.WARNING if share > self.share else Severity.NOTE,
        )

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        fall = {"loss": decay(40, 2.3, 0.3), "val_loss": decay(40, 2.3, 0.4)}
        bad = Damage(path="events.out", place="byte 4096", what="wrong checksum", records=1, size=57)
        yield Example("one bad record of eighty", fall, damage=(bad,))
        many = Damage(path="log.csv", place="line 12", what="not a number", records=30, size=800)
        yield Example("thirty bad rows", fall, damage=(many,))

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        yield Example("a sound log", {"loss": decay(40, 2.3, 0.3), "val_loss": decay(40, 2.3, 0.4)})
        yield Example("a sound log with a NaN", {"loss": [*decay(20, 2.3, 0.3), float("nan")]})


def _amount(damage: tuple[Damage, ...]) -> str:
    """``3 records (171 bytes)``; only the bytes where whole records cannot be counted."""
    records, size = sum(each.records for each in damage), sum(each.size for each in damage)
    counted = f"{records} record{'s' if records != 1 else ''}"
    if not records:
        return f"{size} bytes" if size else "records"
    return f"{counted} ({size} bytes)" if size else counted
