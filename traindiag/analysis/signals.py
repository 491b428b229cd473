"""Everything the rules ask of a run, computed once and only when asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from traindiag.analysis.cells.reading import Reading
from traindiag.analysis.keras_model import KerasModel, keras_model
from traindiag.analysis.level import Level, as_fraction, level_of, lost_level
from traindiag.analysis.shape import Shape, shape_of
from traindiag.analysis.table import read_table
from traindiag.analysis.trends import MIN_WINDOW, trend_of
from traindiag.model.curve import Curve, curves_of_series
from traindiag.model.frame import Series
from traindiag.model.names import LEARNING_RATE, Mode, is_accuracy, is_loss
from traindiag.model.report import Best
from traindiag.model.run import Run
from traindiag.model.trend import Trend


class Signals:
    """The signals of one run.

    Args:
        run: the run; its frame is reduced to curves at once, everything else when first used.
        modes: ``"min"`` or ``"max"`` by metric, where its name says nothing or the wrong thing.
    """

    def __init__(self, run: Run, modes: Mapping[str, Mode] | None = None) -> None:
        self.run = run
        self.series: tuple[Series, ...] = run.series
        self.curves: tuple[Curve, ...] = tuple(
            replace(curve, mode=modes[curve.metric]) if modes and curve.metric in modes else curve
            for curve in curves_of_series(self.series)
        )
        self._by_series = {(curve.split, curve.metric): curve for curve in self.curves}

    def curve(self, split: str, metric: str) -> Curve | None:
        """The curve of one series, None when it was not logged."""
        return self._by_series.get((split, metric))

    def logged(self, curve: Curve) -> Series:
        """The rows a curve was made of, in the order they were logged."""
        return next(
            each
            for each in self.series
            if (each.split, each.metric) == (curve.split, curve.metric) and len(each)
        )

    @cached_property
    def keras(self) -> KerasModel:
        """What the model JSON in the log tells; empty when there is none."""
        return keras_model(self.params.get("keras"))

    @property
    def params(self) -> Mapping[str, Any]:
        """Hyper-parameters and configuration found in the log."""
        return self.run.params

    @cached_property
    def loss_name(self) -> str | None:
        """The loss that stands for the run: ``loss``, else a total, else the one logged for most splits."""
        candidates: dict[str, list[Curve]] = {}
        for curve in self.curves:
            if is_loss(curve.metric) and not curve.metric.startswith(("batch_", "evaluation_")):
                candidates.setdefault(curve.metric, []).append(curve)
        if not candidates:
            return None

        def rank(name: str) -> tuple[bool, bool, int, int, str]:
            epochs = max(len(curve) for curve in candidates[name])
            return name != "loss", "total" not in name.lower(), -len(candidates[name]), -epochs, name

        return min(candidates, key=rank)

    @cached_property
    def train(self) -> Curve | None:
        """The training loss."""
        return None if self.loss_name is None else self.curve("train", self.loss_name)

    @cached_property
    def val(self) -> Curve | None:
        """The validation loss; the test loss when that is what was logged each epoch.

        Where several validation sets were logged under names of their own (``g0_loss``, ``g1_loss``), the
        longest counts, and of equally long ones the one that rose most from its best.
        """
        if self.loss_name is None:
            return None
        val = (
            self.curve("val", self.loss_name) or self.curve("test", self.loss_name) or self._other_val_loss()
        )
        return (
            val if val is not None and (self.train is None or len(val) > 1 or len(self.train) == 1) else None
        )

    def _other_val_loss(self) -> Curve | None:
        others = [curve for curve in self.curves if curve.split != "train" and is_loss(curve.metric)]
        others = [curve for curve in others if not is_batch(curve) and np.isfinite(curve.value).any()]
        if self.train is None or not others or self.curve("train", others[0].metric) is not None:
            return None

        def rise(curve: Curve) -> float:
            finite = curve.value[np.isfinite(curve.value)]
            return float(finite[-1] - finite.min())

        return max(others, key=lambda curve: (len(curve), rise(curve)))

    @cached_property
    def train_shape(self) -> Shape | None:
        """Landmarks of the training loss."""
        return None if self.train is None else shape_of(self.train)

    @cached_property
    def val_shape(self) -> Shape | None:
        """Landmarks of the validation loss."""
        return None if self.val is None else shape_of(self.val)

    @cached_property
    def train_trend(self) -> Trend | None:
        """Trend of the training loss at the end."""
        return self._trend(self.train, self.train_shape)

    @cached_property
    def val_trend(self) -> Trend | None:
        """Trend of the validation loss at the end."""
        return self._trend(self.val, self.val_shape)

    @staticmethod
    def _trend(curve: Curve | None, shape: Shape | None) -> Trend | None:
        if curve is None or shape is None:
            return None
        index = int(np.nanargmin(np.where(np.isfinite(curve.value), curve.value, np.inf)))
        return trend_of(shape, int(curve.epoch[index]), float(curve.value[index]))

    @cached_property
    def reading(self) -> Reading | None:
        """What the loss-trend table says; None without a loss or with fewer points than a window."""
        train, trend = self.train_shape, self.train_trend
        val, val_trend = self.val_shape, self.val_trend
        if train is None or trend is None:
            train, trend, val, val_trend = val, val_trend, None, None
        if train is None or trend is None or len(train) < MIN_WINDOW:
            return None
        if val is not None and len(val) < MIN_WINDOW:
            val, val_trend = None, None
        accuracies = (self.accuracy("train"), self.accuracy("val"))
        both = (
            (as_fraction(accuracies[0]), as_fraction(accuracies[1]))
            if accuracies[0] and accuracies[1]
            else None
        )
        return read_table(train, val, trend, val_trend, self.level, both)

    @property
    def trends(self) -> tuple[Trend, ...]:
        """The trends of the losses that were judged."""
        return tuple(trend for trend in (self.train_trend, self.val_trend) if trend is not None)

    @cached_property
    def best(self) -> Best | None:
        """The best epoch: lowest logged val_loss, or loss without validation."""
        curve, trend = (self.val, self.val_trend) if self.val is not None else (self.train, self.train_trend)
        if curve is None or trend is None:
            return None
        name = curve.metric if curve.split == "train" else f"{curve.split}_{curve.metric}"
        return Best(monitor=name, epoch=trend.best_epoch, value=trend.best)

    @cached_property
    def epochs(self) -> int:
        """Epochs with a value of the loss, or of any metric when no loss is logged."""
        curves = [curve for curve in (self.train, self.val) if curve is not None] or list(self.curves)
        return max((len(curve) for curve in curves), default=0)

    @cached_property
    def telling_metrics(self) -> tuple[Curve, ...]:
        """Metrics that can tell a good level, validation before training, accuracies before others."""
        curves = [curve for curve in self.curves if curve.mode == "max" and not is_batch(curve)]
        return tuple(
            sorted(
                curves, key=lambda c: (c.split == "train", not is_accuracy(c.metric), c.metric != "accuracy")
            )
        )

    def accuracy(self, split: str) -> Curve | None:
        """The accuracy of a split, None when none was logged."""
        return next(
            (curve for curve in self.telling_metrics if curve.split == split and is_accuracy(curve.metric)),
            None,
        )

    @cached_property
    def level(self) -> Level:
        """Whether the run ended at a good level."""
        accuracy = self.accuracy("train")
        lost = None if accuracy is None else lost_level(as_fraction(accuracy))
        return lost or level_of(self.telling_metrics, self._kept, self.classes, self._of_chance)

    def chance_loss(self, split: str) -> float | None:
        """What guessing would cost on a split, where the log tells: the loss of the best constant answer."""
        known = self.params.get("chance_loss")
        value = known.get(split) if isinstance(known, Mapping) else None
        return float(value) if isinstance(value, (int, float)) and 0 < value < np.inf else None

    @property
    def _of_chance(self) -> dict[str, float]:
        """End of the loss as a fraction of what guessing costs, by split; without those where that is not known."""
        shapes = {"train": self.train_shape, "val": self.val_shape}
        return {
            split: shape.end / chance
            for split, shape in shapes.items()
            if shape is not None and (chance := self.chance_loss(split)) is not None
        }

    @property
    def _kept(self) -> float:
        """End of the loss as a fraction of its start: validation's end, where both were logged.

        The start is the higher of both: the training loss of the first epoch is the earlier measure.
        """
        train, val = self.train_shape, self.val_shape
        if train is None or val is None:
            only = train or val
            return only.kept if only is not None else float("nan")
        if not (train.positive and val.positive):
            return float("nan")
        return max(val.end / max(val.start, train.start), train.kept)

    @cached_property
    def classes(self) -> int | None:
        """Number of classes, where the log tells."""
        value = self.params.get("classes")
        return int(value) if isinstance(value, (int, float)) and value >= 2 else self.keras.classes

    @cached_property
    def learning_rate(self) -> float | None:
        """The last learning rate of the log, from its curve or the configuration."""
        curve = self.curve("train", LEARNING_RATE)
        if curve is not None and np.isfinite(curve.value).any():
            return float(curve.value[np.isfinite(curve.value)][-1])
        value = self.params.get(LEARNING_RATE, self.params.get("lr"))
        return float(value) if isinstance(value, (int, float)) and value > 0 else self.keras.learning_rate

    @cached_property
    def batch_size(self) -> int | None:
        """The batch size, where the log tells."""
        value = self.params.get("batch_size")
        return int(value) if isinstance(value, (int, float)) and value >= 1 else None

    @cached_property
    def resumed(self) -> bool:
        """Whether the log shows that training did not begin here: later first epoch, or a restart within."""
        curves = [curve for curve in (self.train, self.val) if curve is not None and len(curve)]
        late = any(curve.axis == "epoch" and curve.epoch[0] > 1 for curve in curves[:1])
        return late or any(curve.restarts for curve in curves)


def is_batch(curve: Curve) -> bool:
    """Whether a curve is Keras' batch-level log, which is not judged beside the epoch's own value."""
    return curve.metric.startswith(("batch_", "evaluation_"))
