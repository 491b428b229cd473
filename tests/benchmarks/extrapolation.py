"""How good "stop or go on?" is: hide the last half of known runs and hold the forecast against it.

    python tests/benchmarks/extrapolation.py              # the groups kept aside
    python tests/benchmarks/extrapolation.py --tuning     # the groups the widening was measured on
    python tests/benchmarks/extrapolation.py --calibrate  # print the widening that those groups ask for

The forecast is of the level at the end (median of the last tenth) from the first half alone. Prints coverage of the
stated interval with its Wilson interval, how often it abstains, and the error, in units of the gain made in the
first half, beside two baselines: the last level stays, and the line through the last third goes on.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import small_networks
from diagnosis import labelled, wilson
from numpy.typing import NDArray

from traindiag.replay.extrapolate import MIN_EPOCHS, STATED, TOO_WIDE, WIDENING, level_and_scale

SOURCES = ("seeded_faults", "simulated_overfit")


@dataclass(frozen=True)
class Hidden:
    """The first half of a run, and the level at its end."""

    source: str
    name: str
    seen: NDArray[np.float64]
    level: float
    ahead: int

    @property
    def gain(self) -> float:
        """Range of the visible half."""
        return float(self.seen.max() - self.seen.min())


def hidden(source: str, name: str, values: list[float]) -> Hidden | None:
    """A run with its last half hidden; None where it is too short or not finite."""
    value = np.array(values)
    half = len(value) // 2
    if half < MIN_EPOCHS or not np.isfinite(value).all() or np.ptp(value[:half]) <= 0:
        return None
    tail = max(3, len(value) // 10)
    return Hidden(
        source, name, value[:half], float(np.median(value[-tail:])), len(value) - half - (tail + 1) // 2
    )


def runs(aside: bool, every: int) -> Iterator[Hidden]:
    for source in SOURCES:
        for case in labelled(source, aside):
            found = hidden(source, case.name, case.history.get("val_loss", []))
            if found is not None:
                yield found
    if not every:
        return
    # Every k-th setting, so that all data sets and illnesses have a share.
    for number, setting in enumerate(list(small_networks.settings(range(1), aside))[::every]):
        history = small_networks.train(setting)
        found = (
            None if history is None else hidden("small_networks", str(number), history.get("val_loss", []))
        )
        if found is not None:
            yield found


def last_level(run: Hidden) -> float:
    return float(np.median(run.seen[-max(3, len(run.seen) // 10) :]))


def line(run: Hidden) -> float:
    third = run.seen[-max(4, len(run.seen) // 3) :]
    slope, base = np.polyfit(np.arange(len(third)), third, 1)
    return float(base + slope * (len(third) - 1 + run.ahead))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tuning", action="store_true")
    parser.add_argument("--calibrate", action="store_true")
    parser.add_argument(
        "--every", type=int, default=6, metavar="K", help="train every K-th small network; 0: none"
    )
    arguments = parser.parse_args()
    cases = list(runs(not (arguments.tuning or arguments.calibrate), arguments.every))
    forecasts = [level_and_scale(case.seen, case.ahead) for case in cases]
    if arguments.calibrate:
        calibrate(cases, forecasts)
    else:
        report(cases, forecasts)


def calibrate(cases: list[Hidden], forecasts: list[tuple[float, float]]) -> None:
    """The quantile of |error| / scale, every source counting the same."""
    score = np.array(
        [abs(case.level - level) / scale for case, (level, scale) in zip(cases, forecasts, strict=True)]
    )
    weight = np.array([1 / sum(other.source == case.source for other in cases) for case in cases])
    order = np.argsort(score)
    share = np.cumsum(weight[order]) / weight.sum()
    for stated in (0.5, 0.7, STATED, 0.9):
        print(f"{stated:.0%}: {score[order][np.searchsorted(share, stated)]:.3f}")


def report(cases: list[Hidden], forecasts: list[tuple[float, float]]) -> None:
    print(
        f"{'source':<18}{'runs':>6}{'covered':>9}{'Wilson 95 %':>16}{'abstains':>10}   median error: ours  last  line"
    )
    for source in (*dict.fromkeys(case.source for case in cases), "all"):
        rows = [
            (case, level, WIDENING * scale)
            for case, (level, scale) in zip(cases, forecasts, strict=True)
            if source in (case.source, "all")
        ]
        covered = sum(abs(case.level - level) <= half for case, level, half in rows)
        low, high = wilson(covered, len(rows))
        abstains = sum(2 * half > TOO_WIDE * case.gain for case, _, half in rows)
        errors = [
            float(np.median([abs(guess - case.level) / case.gain for case, guess in guesses]))
            for guesses in (
                [(case, level) for case, level, _ in rows],
                [(case, last_level(case)) for case, _, _ in rows],
                [(case, line(case)) for case, _, _ in rows],
            )
        ]
        print(
            f"{source:<18}{len(rows):>6}{covered / len(rows):>9.1%}{f'{low:.0%} - {high:.0%}':>16}"
            f"{abstains / len(rows):>10.0%}{'':>17}" + "".join(f"{error:>6.3f}" for error in errors)
        )
    told = [
        (case, level, WIDENING * scale)
        for case, (level, scale) in zip(cases, forecasts, strict=True)
        if 2 * WIDENING * scale <= TOO_WIDE * case.gain
    ]
    if told:
        share = sum(abs(case.level - level) <= half for case, level, half in told) / len(told)
        print(f"where it does not abstain: {len(told)} runs, {share:.1%} covered (stated {STATED:.0%})")
        mean = [
            float(
                np.mean(
                    [min(1.0, abs(guess(case, level) - case.level) / case.gain) for case, level, _ in told]
                )
            )
            for guess in (
                lambda case, level: level,
                lambda case, level: last_level(case),
                lambda case, level: line(case),
            )
        ]
        print("   mean error there (capped at 1): ours {:.3f}, last {:.3f}, line {:.3f}".format(*mean))
    assert not math.isnan(sum(level for level, _ in forecasts))


if __name__ == "__main__":
    main()
