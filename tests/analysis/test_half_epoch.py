"""The half-epoch shift of running means is taken out."""

from __future__ import annotations

import numpy as np
import pytest

from traindiag.analysis.half_epoch import paired_at_epoch_end
from traindiag.model.convert import run_from_history
from traindiag.model.curve import Curve


def curves(**history: list[float]) -> tuple[Curve, Curve]:
    train, val = run_from_history(history).curves()
    return train, val


def test_one_curve_seen_twice_lies_on_itself() -> None:
    epoch = np.arange(40)
    mean = [float(v) for v in 2.0 - 0.04 * (epoch + 0.5)]
    end = [float(v) for v in 2.0 - 0.04 * (epoch + 1.0)]
    epochs, learned, judged = paired_at_epoch_end(*curves(loss=mean, val_loss=end))
    assert epochs.tolist() == list(range(39))
    assert learned == pytest.approx(judged)


def test_without_the_shift_validation_would_seem_better() -> None:
    epoch = np.arange(30)
    mean = [float(v) for v in np.exp(-0.3 * (epoch + 0.5))]
    end = [float(v) for v in np.exp(-0.3 * (epoch + 1.0))]
    _, learned, judged = paired_at_epoch_end(*curves(loss=mean, val_loss=end))
    assert np.all(np.array(end) / np.array(mean) < 0.9)
    assert np.all(np.abs(judged / learned - 1) < 0.02)


def test_gaps_and_short_curves() -> None:
    nan = float("nan")
    epochs, learned, _ = paired_at_epoch_end(*curves(loss=[3.0, nan, 1.0], val_loss=[1.0, 1.0, 1.0]))
    assert epochs.tolist() == [0, 1]
    assert learned == pytest.approx([2.5, 1.5])
    assert len(paired_at_epoch_end(*curves(loss=[1.0], val_loss=[1.0]))[0]) == 0
