"""What a run cost, and how much of it came after its best epoch; its hyper-parameters, as far as they are plain."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from traindiag.analysis.signals import Signals
from traindiag.analysis.timing import epoch_seconds
from traindiag.model.effort import Effort
from traindiag.model.run import Run

Plain = float | str | bool
MOST_PARAMS = 40
_LONGEST = 60
_IN_NAME = re.compile(
    r"(?:(?<=^)|(?<=[/_,;.\s-]))([A-Za-z][A-Za-z0-9_]*)=([-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?=$|[/_,;\s.-])|[^/_,;\s=-]+)"
)
_SHORT_NAME = re.compile(
    r"(?:(?<=^)|(?<=[/_,;\s-]))(lr|bs|wd|batch|seed|dropout|depth|width|units|layers|hidden|momentum|warmup)"
    r"[_-]?(\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?=$|[/_,;\s-])"
)
CONFIG = "config"
"""The key of `Run.params` under which a configuration file beside the log stands."""
_NO_PARAMS = frozenset(
    "schema started python keras tensorflow backend version versions device devices host platform script argv "
    "run_name name id callbacks metrics keras_version backend_version precision finished".split()
)


def effort_of(signals: Signals) -> Effort | None:
    """Epochs and seconds of a run; None for a log without epochs."""
    loss = signals.val if signals.val is not None else signals.train
    if loss is None or loss.axis != "epoch" or not len(loss):
        return None
    first = min(int(each.epoch[0]) for each in signals.curves if each.axis == "epoch" and len(each))
    last = max(int(each.epoch[-1]) for each in signals.curves if each.axis == "epoch" and len(each))
    best = signals.best
    after = 0 if best is None else max(0, last - best.epoch)
    times = epoch_seconds(signals)
    if times is None:
        return Effort(epochs=last - first + 1, after_best=after)
    epochs, seconds = times
    late = epochs > (last if best is None else best.epoch)
    return Effort(
        epochs=last - first + 1,
        after_best=after,
        seconds=round(float(np.sum(seconds)), 3),
        seconds_after_best=round(float(np.sum(seconds[late])), 3),
    )


def plain_params(run: Run) -> dict[str, Plain]:
    """Hyper-parameters by name: those of the log, else of a configuration beside it, else of the run's name.

    Only single numbers, words and truth values; of several runs they can be compared.
    """
    found: dict[str, Plain] = dict(named_params(run.name))
    config = run.params.get(CONFIG)
    if isinstance(config, Mapping):
        found.update(_flat(config))
    found.update(_flat({key: value for key, value in run.params.items() if key != CONFIG}))
    return dict(list(found.items())[:MOST_PARAMS])


def named_params(name: str) -> Iterator[tuple[str, Plain]]:
    """What a run's name says: ``lr=0.1_bs=32`` or ``lr0.1-bs32``."""
    for pattern in (_SHORT_NAME, _IN_NAME):
        for match in pattern.finditer(name):
            yield match[1].strip("_"), _value(match[2])


def _flat(params: Mapping[str, Any], above: str = "", depth: int = 0) -> Iterator[tuple[str, Plain]]:
    for key, value in params.items():
        name = f"{above}{key}"
        if depth == 0 and (key in _NO_PARAMS or name.startswith(("tag/", "summary/", "keras"))):
            continue
        if isinstance(value, (bool, int, float)):
            yield name, value
        elif isinstance(value, str) and 0 < len(value) <= _LONGEST:
            yield name, _value(value)
        elif isinstance(value, Mapping) and depth < 2:
            yield from _flat(value, f"{name}.", depth + 1)


def _value(text: str) -> Plain:
    try:
        return float(text)
    except ValueError:
        return text
