from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np

from traindiag.analysis.confidence import confidence, ratio
from traindiag.analysis.signals import Signals
from traindiag.analysis.timing import waiting
from traindiag.model.finding import Evidence, Finding, Remedy, Severity
from traindiag.rules.base import Example, Rule, option
from traindiag.rules.examples import decay, line
from traindiag.rules.remedies import larger_batch, number


class InputBound(Rule):
    """The accelerator waits for its data during a good part of every step.

    ## Why it matters
    Hours on an accelerator are paid for whether it computes or waits. A faster one would wait longer.

    ## Evidence
    `data_time` (or `wait_time`, `input_time`, `dataloader_time`) beside `step_time` (or `batch_time`,
    `iter_time`, `time`), seconds per step: the median share of waiting, the first epoch, which fills caches,
    left out. A note from three tenths, a warning from a half. Waits of less than a millisecond are the call of the
    iterator, not the making of the batch. traindiag's recorder logs both times.

    ## Remedies
    Prefetch, cache what fits in memory, decode and augment in parallel, read fewer and larger files; larger batches
    where each batch has a cost of its own. Where the log tells what made the batches, that comes first: workers for
    a PyDataset or a DataLoader, a PyDataset instead of a generator.

    ## When to ignore
    When the step itself is short and the whole run takes minutes.

    ## References
    TensorFlow, "Better performance with the tf.data API". Mohan, Phanishayee, Raniwala and Chidambaram,
    Analyzing and Mitigating Data Stalls in DNN Training, 2021.
    """

    code = "TD501"
    name = "input-bound"
    severity = Severity.WARNING
    needs: ClassVar[tuple[str, ...]] = ()
    min_epochs = 2

    waits: float = option(
        0.3, "share of a step spent waiting that is worth a note", "half of what is a warning"
    )
    least: float = option(
        0.001,
        "seconds a step waits below which nothing is said",
        "tf.data hands over a ready batch in 0.1 to 0.5 ms",
    )
    half: float = option(0.5, "share of a step spent waiting that is a warning",
                         "trainproof warns when loading takes more than half")  # fmt: skip

    def skip_reason(self, signals: Signals) -> str:
        """Both times are needed, under any of their names."""
        if waiting(signals) is None:
            return "no data_time and step_time in this log"
        return super().skip_reason(signals)

    def judge(self, signals: Signals) -> Iterator[Finding]:
        pair = waiting(signals)
        if pair is None:
            return
        wait, step = pair
        epochs, places, others = np.intersect1d(wait.epoch, step.epoch, return_indices=True)
        waited, whole = wait.value[places], step.value[others]
        good = np.isfinite(waited) & np.isfinite(whole) & (whole > 0) & (waited >= 0)
        epochs, waited, whole = epochs[good][1:], waited[good][1:], whole[good][1:]
        # Waiting longer than the whole step: the two do not count the same thing.
        if len(epochs) < self.min_epochs - 1 or len(epochs) == 0 or np.median(waited / whole) > 1:
            return
        share = float(np.median(waited / whole))
        if share < self.waits or float(np.median(waited)) < self.least:
            return
        limit = self.half if share >= self.half else self.waits
        yield self.finding(
            f"of each step of {number(float(np.median(whole)))} s, {number(float(np.median(waited)))} s ({share:.0%}) "
            "are spent waiting for data",
            confidence=confidence(ratio(share, limit), ratio(len(epochs), 2), sharpness=2.0),
            evidence=[
                Evidence(
                    series=wait.series,
                    epochs=(int(epochs[0]), int(epochs[-1])),
                    observed=share,
                    threshold=limit,
                    note=f"share of {step.metric}",
                )
            ],
            remedies=_remedies(signals, share),
            severity=Severity.WARNING if share >= self.half else Severity.NOTE,
        )

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        yield Example(
            "two thirds of every step",
            {
                "loss": decay(20, 2.3, 0.3),
                "data_time": line(20, 0.2, 0.2, 0.05),
                "step_time": line(20, 0.3, 0.3, 0.05),
            },
        )

        for source in ({"kind": "PyDataset", "workers": 1}, {"kind": "generator"}):
            yield Example(
                f"a {source['kind']} takes half of every step",
                {
                    "loss": decay(20, 2.3, 0.3),
                    "data_time": line(20, 0.02, 0.02, 0.05),
                    "step_time": line(20, 0.03, 0.03, 0.05),
                },
                params={"input": source, "batch_size": 32},
            )

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        yield Example(
            "a twentieth of every step",
            {
                "loss": decay(20, 2.3, 0.3),
                "data_time": line(20, 0.01, 0.01),
                "step_time": line(20, 0.2, 0.2, 0.05),
            },
        )
        yield Example(
            "the first epoch fills the cache",
            {"loss": decay(20, 2.3, 0.3), "data_time": [0.9] + [0.01] * 19, "step_time": [1.1] + [0.2] * 19},
        )
        yield Example(
            "half a millisecond of a step of one",
            {"loss": decay(20, 2.3, 0.3), "data_time": [0.0005] * 20, "step_time": [0.001] * 20},
        )
        yield Example("no such times", {"loss": decay(20, 2.3, 0.3)})


def _remedies(signals: Signals, share: float) -> tuple[Remedy, ...]:
    told = signals.params.get("input")
    source = told if isinstance(told, Mapping) else {}
    kind = source.get("kind")
    why = "each batch has a cost of its own besides that of its samples: a call, a file, a copy"
    batch = replace(larger_batch(signals), why=why)
    if kind == "PyDataset":
        return (_workers(source.get("workers")), batch)
    if kind == "generator":
        return (_no_generator(), batch)
    if kind == "DataLoader":
        return (_loader(), batch)
    return (_prefetch(share), _parallel_map(), batch)


def _workers(now: object) -> Remedy:
    has = f" instead of {now}" if isinstance(now, int) and now < 4 else ""
    return Remedy(
        action="parallel-input",
        change=f"give the PyDataset workers=4{has}, and use_multiprocessing=True where its work is Python's own",
        why="one worker makes a batch only when it is asked for; several make the next ones while this one trains",
        snippet="class Batches(keras.utils.PyDataset):\n"
        "    def __init__(self):\n"
        "        super().__init__(workers=4, use_multiprocessing=True, max_queue_size=16)",
    )


def _no_generator() -> Remedy:
    return Remedy(
        action="parallel-input",
        change="turn the generator into a keras.utils.PyDataset with workers=4",
        why="a generator has one place to go on from, so its batches are made one after the other; a PyDataset's "
        "are made by number, in any order and side by side",
        snippet="class Batches(keras.utils.PyDataset):\n"
        "    def __init__(self, x, y, batch_size):\n"
        "        super().__init__(workers=4)\n"
        "        self.x, self.y, self.size = x, y, batch_size\n\n"
        "    def __len__(self):\n"
        "        return -(-len(self.x) // self.size)\n\n"
        "    def __getitem__(self, index):\n"
        "        part = slice(index * self.size, (index + 1) * self.size)\n"
        "        return self.x[part], self.y[part]",
    )


def _loader() -> Remedy:
    return Remedy(
        action="parallel-input",
        change="give the DataLoader num_workers=4, persistent_workers=True and pin_memory=True",
        why="without workers it makes a batch only when it is asked for",
    )


def _prefetch(share: float) -> Remedy:
    return Remedy(
        action="prefetch",
        change=f"prepare batches while the accelerator computes: up to {share:.0%} of the time can be saved",
        why="reading and computing one after the other adds their times, side by side only the longer counts",
        snippet="import tensorflow as tf\n\ntrain_data = train_data.cache().prefetch(tf.data.AUTOTUNE)",
    )


def _parallel_map() -> Remedy:
    return Remedy(
        action="parallel-input",
        change="decode and augment in parallel, or use workers for a PyDataset",
        why="one core seldom feeds one accelerator",
        snippet="import tensorflow as tf\n\n"
        "train_data = train_data.map(lambda x, y: (x, y), num_parallel_calls=tf.data.AUTOTUNE)",
    )
