from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from traindiag.analysis.confidence import confidence, ratio
from traindiag.analysis.noise import point_noise
from traindiag.analysis.signals import Signals
from traindiag.model.curve import Curve
from traindiag.model.finding import Evidence, Finding, Remedy, Severity
from traindiag.model.names import LEARNING_RATE, is_loss, mode_of, split_and_metric
from traindiag.model.nearest import nearest
from traindiag.rules.base import Example, Rule, option
from traindiag.rules.examples import decay, line, valley

CALLBACKS = "callbacks"
"""Parameter with the recorded callbacks: ``[{"class": "EarlyStopping", "config": {"patience": 5}}, ...]``."""
_MIN_DELTA = {"EarlyStopping": 0.0, "ReduceLROnPlateau": 1e-4}
_PATIENCE = {"EarlyStopping": 0, "ReduceLROnPlateau": 10}


@dataclass(frozen=True, slots=True)
class _Callback:
    """One recorded callback and its settings, with Keras' defaults for those not recorded."""

    kind: str
    config: Mapping[str, Any]

    @property
    def monitor(self) -> str:
        return str(self.config.get("monitor", "val_loss"))

    @property
    def patience(self) -> float:
        return self.number("patience", _PATIENCE.get(self.kind, 0)) or 0

    @property
    def min_delta(self) -> float:
        return abs(self.number("min_delta", _MIN_DELTA.get(self.kind, 0.0)) or 0.0)

    def number(self, name: str, default: float | None = None) -> float | None:
        value = self.config.get(name, default)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else default


class CallbackMisconfigured(Rule):
    """A callback cannot do what it was added for, or did it and lost the best weights.

    ## Why it matters
    Keras warns once, in the middle of the log, or not at all. A callback that watches a metric that is not
    there never acts; one that watches it the wrong way round acts at the wrong time.

    ## Evidence
    The callbacks' settings, as recorded with the run or given to `traindiag replay`, against its curves:

    - the monitor was never logged;
    - `mode` is `min` for a metric that should rise (AUC, accuracy), or `max` for a loss;
    - ReduceLROnPlateau waits as long as EarlyStopping on the same monitor, so that the lower rate hardly gets
      its chance;
    - EarlyStopping or a checkpoint left the run with weights worse than the best by more than the noise;
    - no epoch beat EarlyStopping's baseline.

    ## Remedies
    The right name or mode, a shorter patience for ReduceLROnPlateau, `restore_best_weights=True`,
    `save_best_only=True`.

    ## When to ignore
    When a callback of another class keeps the best weights; when the last weights are wanted (averaging,
    fine-tuning). ReduceLROnPlateau with a longer patience may still act where its larger `min_delta` passes
    over tiny improvements.

    ## References
    Keras, `keras.callbacks.EarlyStopping`, `ReduceLROnPlateau`, `ModelCheckpoint`.
    """

    code = "TD701"
    name = "callback-misconfigured"
    severity = Severity.WARNING
    needs: ClassVar[tuple[str, ...]] = ()
    min_epochs = 1

    lost: float = option(
        0.02,
        "loss against the best epoch, of the metric's range, that is worth a word",
        "twice docs/trends.md's 1 %",
    )

    def skip_reason(self, signals: Signals) -> str:
        """The callbacks' settings are needed."""
        return "" if _callbacks(signals) else "no settings of callbacks in this log"

    def judge(self, signals: Signals) -> Iterator[Finding]:
        callbacks = _callbacks(signals)
        watching = [each for each in callbacks if each.kind in (*_PATIENCE, "ModelCheckpoint")]
        for each in watching:
            curve = _curve(signals, each.monitor)
            if curve is None:
                yield from self._absent(signals, each)
            else:
                yield from self._wrong_mode(each, curve)
                yield from self._baseline(each, curve)
        yield from self._pre_empted(signals, watching)
        yield from self._best_lost(signals, watching)

    def _absent(self, signals: Signals, callback: _Callback) -> Iterator[Finding]:
        names = _names(signals)
        rate = callback.monitor == LEARNING_RATE
        if rate or (callback.kind == "ModelCheckpoint" and not callback.config.get("save_best_only")):
            return
        near = nearest(callback.monitor, names) or next(
            (name for name in names if name.startswith("val_")), "loss"
        )
        yield self.finding(
            f"{callback.kind} watches {callback.monitor!r}, which was never logged: it never acts"
            if callback.kind != "ModelCheckpoint"
            else f"ModelCheckpoint watches {callback.monitor!r}, which was never logged: it saves every epoch",
            confidence=confidence(ratio(signals.epochs, 1)),
            evidence=[_evidence(signals, "log", 0.0, 1.0, f"epochs that logged {callback.monitor}")],
            remedies=[
                Remedy(
                    action="fix-monitor",
                    change=f"monitor {near!r}; logged are {', '.join(names[:6])}",
                    why="Keras only warns and goes on",
                    snippet=f"keras.callbacks.{callback.kind}({_path(callback)}monitor={near!r}),",
                )
            ],
        )

    def _wrong_mode(self, callback: _Callback, curve: Curve) -> Iterator[Finding]:
        mode, right = callback.config.get("mode", "auto"), curve.mode
        if mode not in ("min", "max") or right is None or mode == right:
            return
        finite = curve.value[np.isfinite(curve.value)]
        moved = float(np.ptp(finite)) if len(finite) else 0.0
        yield self.finding(
            f"{callback.kind} has mode={mode!r} for {callback.monitor}, which is better the "
            f"{'higher' if right == 'max' else 'lower'} it is: it keeps the worst epoch for the best",
            confidence=confidence(1 + ratio(moved, 4 * point_noise(finite))),
            evidence=[
                Evidence(
                    series=curve.series,
                    epochs=_span(curve),
                    observed=moved,
                    threshold=None,
                    note=f"range of {callback.monitor}, read the wrong way round",
                )
            ],
            remedies=[
                Remedy(
                    action="fix-mode",
                    change=f"mode={right!r}, or leave mode out where Keras knows the metric",
                    why="with the wrong mode every improvement counts as none",
                    snippet=f"keras.callbacks.{callback.kind}({_path(callback)}monitor={callback.monitor!r}, "
                    f"mode={right!r}),",
                )
            ],
        )

    def _baseline(self, callback: _Callback, curve: Curve) -> Iterator[Finding]:
        baseline = callback.number("baseline") if callback.kind == "EarlyStopping" else None
        finite = curve.value[np.isfinite(curve.value)]
        if baseline is None or not len(finite):
            return
        mode = _mode(callback, curve)
        best = float(finite.max() if mode == "max" else finite.min())
        short_by = (baseline - best if mode == "max" else best - baseline) + callback.min_delta
        if short_by < 0:
            return
        yield self.finding(
            f"no epoch beat EarlyStopping's baseline of {baseline:g}; the best {callback.monitor} was {best:.4g}",
            confidence=confidence(1 + ratio(short_by, max(point_noise(finite), 1e-12))),
            evidence=[
                Evidence(
                    series=curve.series,
                    epochs=_span(curve),
                    observed=best,
                    threshold=baseline,
                    note="best value against the baseline",
                )
            ],
            remedies=[
                Remedy(
                    action="fix-baseline",
                    change=f"a baseline that can be reached (best so far {best:.3g}), or none",
                    why="the wait starts anew only when the baseline is beaten: training ends after `patience` epochs",
                    snippet=f"keras.callbacks.EarlyStopping(monitor={callback.monitor!r}, "
                    f"patience={max(5, int(callback.patience))}),",
                )
            ],
        )

    def _pre_empted(self, signals: Signals, callbacks: list[_Callback]) -> Iterator[Finding]:
        stoppers = [each for each in callbacks if each.kind == "EarlyStopping"]
        for reducer in (each for each in callbacks if each.kind == "ReduceLROnPlateau"):
            for stopper in stoppers:
                curve = _curve(signals, stopper.monitor)
                if reducer.monitor != stopper.monitor or reducer.patience < stopper.patience or curve is None:
                    continue
                noise = point_noise(curve.value[np.isfinite(curve.value)])
                if reducer.min_delta > max(10 * stopper.min_delta, 2e-4, noise):
                    continue  # A much larger min_delta makes its wait run while EarlyStopping's starts anew.
                shorter = max(1, int(stopper.patience // 2))
                yield self.finding(
                    f"ReduceLROnPlateau waits {reducer.patience:.0f} epochs and EarlyStopping "
                    f"{stopper.patience:.0f} on {stopper.monitor}: training ends before the lower rate gets its chance",
                    confidence=confidence(ratio(reducer.patience + 1, max(stopper.patience, 1))),
                    evidence=[
                        _evidence(
                            signals,
                            "callbacks",
                            reducer.patience,
                            stopper.patience,
                            "patience of ReduceLROnPlateau",
                        )
                    ],
                    remedies=[
                        Remedy(
                            action="shorter-patience",
                            change=f"ReduceLROnPlateau(patience={shorter}), half of EarlyStopping's",
                            why="the new rate needs the rest of EarlyStopping's patience to show what it is worth",
                            snippet=f"keras.callbacks.ReduceLROnPlateau(monitor={stopper.monitor!r}, "
                            f"patience={shorter}),",
                        )
                    ],
                )

    def _best_lost(self, signals: Signals, callbacks: list[_Callback]) -> Iterator[Finding]:
        """Weights at the end that are worse than the best, with nothing that kept those."""
        savers = [each for each in callbacks if each.kind == "ModelCheckpoint"]
        restored = any(e.kind == "EarlyStopping" and e.config.get("restore_best_weights") for e in callbacks)
        kept = any(
            each.config.get("save_best_only") or "{epoch" in str(each.config.get("filepath", ""))
            for each in savers
        )
        if restored or kept:
            return
        for each in callbacks:
            curve = _curve(signals, each.monitor)
            if each.kind == "ReduceLROnPlateau" or curve is None or (mode := _mode(each, curve)) is None:
                continue
            finite = curve.value[np.isfinite(curve.value)]
            if len(finite) < 5:
                continue
            signed = -finite if mode == "max" else finite
            lost, limit = (
                float(signed[-1] - signed.min()),
                max(self.lost * float(np.ptp(finite)), 3 * point_noise(finite)),
            )
            if lost > limit > 0:
                yield self._lost(each, curve, int(np.argmin(signed)), lost, limit)
                return

    def _lost(self, callback: _Callback, curve: Curve, best: int, lost: float, limit: float) -> Finding:
        epoch = int(curve.epoch[np.isfinite(curve.value)][best])
        saver = callback.kind == "ModelCheckpoint"
        flag = "save_best_only" if saver else "restore_best_weights"
        what = (
            "the checkpoint was overwritten by worse epochs"
            if saver
            else "EarlyStopping left the last weights, not the best"
        )
        return self.finding(
            f"{what}: {callback.monitor} is {lost:.3g} worse than at epoch {epoch}",
            confidence=confidence(ratio(lost, limit)),
            evidence=[
                Evidence(
                    series=curve.series,
                    epochs=(epoch, int(curve.epoch[-1])),
                    observed=lost,
                    threshold=limit,
                    note="loss of the last epoch against the best",
                )
            ],
            remedies=[
                Remedy(
                    action="keep-best-weights",
                    change=f"{flag}=True: that would have kept epoch {epoch}",
                    why=f"without {flag} Keras keeps whatever came last",
                    snippet=f"keras.callbacks.{callback.kind}({_path(callback)}monitor={callback.monitor!r}, "
                    f"{flag}=True),",
                )
            ],
        )

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        over = {"loss": decay(40, 2.3, 0.05, 0.12), "val_loss": valley(40, 2.3, 0.7, 1.2, 12, 0.01)}
        auc = {"loss": decay(30, 1.0, 0.2), "val_loss": decay(30, 1.0, 0.3), "val_auc": line(30, 0.6, 0.9)}
        unmet = {"monitor": "val_auc", "baseline": 0.95, "patience": 50}
        yield Example("monitor absent", over, params=_with(("EarlyStopping", {"monitor": "val_acc"})))
        yield Example(
            "AUC in min", auc, params=_with(("EarlyStopping", {"monitor": "val_auc", "mode": "min"}))
        )
        yield Example(
            "the rate is lowered too late",
            auc,
            params=_with(("EarlyStopping", {"patience": 5}), ("ReduceLROnPlateau", {"patience": 5})),
        )
        yield Example("best weights lost", over, params=_with(("EarlyStopping", {"patience": 27})))
        yield Example(
            "checkpoint overwritten", over, params=_with(("ModelCheckpoint", {"filepath": "model.keras"}))
        )
        yield Example("baseline never met", auc, params=_with(("EarlyStopping", unmet)))

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        over = {"loss": decay(40, 2.3, 0.05, 0.12), "val_loss": valley(40, 2.3, 0.7, 1.2, 12, 0.01)}
        keeps: dict[str, Any] = {"patience": 27, "restore_best_weights": True}
        yield Example("best weights restored", over, params=_with(("EarlyStopping", keeps)))
        yield Example(
            "only the best saved, rate lowered in time",
            over,
            params=_with(
                ("ModelCheckpoint", {"filepath": "best.keras", "save_best_only": True}),
                ("EarlyStopping", {"patience": 27}),
                ("ReduceLROnPlateau", {"patience": 5}),
            ),
        )
        yield Example(
            "a file for each epoch", over, params=_with(("ModelCheckpoint", {"filepath": "{epoch}.keras"}))
        )
        yield Example(
            "callbacks that watch nothing", over, params=_with(("TensorBoard", {}), ("CSVLogger", {}))
        )
        yield Example(
            "settings that are none", over, params={CALLBACKS: ["EarlyStopping", {"class": 3}, None]}
        )
        yield Example("no settings recorded", over)


def _with(*callbacks: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {CALLBACKS: [{"class": kind, "config": config} for kind, config in callbacks]}


def _callbacks(signals: Signals) -> list[_Callback]:
    """The recorded callbacks; whatever has not their shape is passed over."""
    recorded = signals.params.get(CALLBACKS)
    return [
        _Callback(each["class"].rpartition(".")[2], config)
        for each in (recorded if isinstance(recorded, list | tuple) else ())
        if isinstance(each, Mapping)
        and isinstance(each.get("class"), str)
        and isinstance(config := each.get("config", {}), Mapping)
    ]


def _names(signals: Signals) -> list[str]:
    names = (
        curve.metric if curve.split == "train" else f"{curve.split}_{curve.metric}"
        for curve in signals.curves
    )
    return sorted(names, key=lambda name: (not is_loss(name), name))


def _curve(signals: Signals, monitor: str) -> Curve | None:
    split, metric = split_and_metric(monitor)
    return signals.curve(split, metric)


def _mode(callback: _Callback, curve: Curve) -> Literal["min", "max"] | None:
    return curve.mode if curve.mode is not None else mode_of(callback.monitor)


def _path(callback: _Callback) -> str:
    return "'best.keras', " if callback.kind == "ModelCheckpoint" else ""


def _span(curve: Curve) -> tuple[int, int]:
    return int(curve.epoch[0]), int(curve.epoch[-1])


def _evidence(signals: Signals, series: str, observed: float, threshold: float, note: str) -> Evidence:
    last = max(signals.epochs - 1, 0)
    return Evidence(series=series, epochs=(0, last), observed=observed, threshold=threshold, note=note)
