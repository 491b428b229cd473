"""Remedies with this run's own numbers, each with Keras code that runs as it stands."""

from __future__ import annotations

import numpy as np

from traindiag.analysis.gradients import gradient_norm
from traindiag.analysis.signals import Signals
from traindiag.model.curve import Curve
from traindiag.model.finding import Remedy


def number(value: float) -> str:
    """A number as code and people write it: ``0.001``, ``3e-05``, ``12``."""
    return f"{value:.3g}"


def early_stopping_epoch(curve: Curve, patience: int, min_delta: float = 0.0) -> tuple[int | None, int]:
    """Where Keras' EarlyStopping would have stopped, and the epoch whose weights it would have kept.

    Args:
        curve: the monitored curve, less is better.
        patience: epochs without improvement before it stops.
        min_delta: what counts as improvement.

    Returns:
        The stop epoch (None when it would never have stopped) and the kept epoch.
    """
    best, kept, wait = np.inf, int(curve.epoch[0]), 0
    for index, (epoch, value) in enumerate(zip(curve.epoch.tolist(), curve.value.tolist(), strict=True)):
        wait += 1
        if value < best - min_delta:
            best, kept, wait = value, epoch, 0
        elif wait >= patience and index > 0:
            return epoch, kept
    return None, kept


def patience_for(curve: Curve) -> int:
    """The least patience, at least 5, that would not have stopped this run before its best epoch."""
    finite = np.where(np.isfinite(curve.value), curve.value, np.inf)
    records = np.flatnonzero(finite == np.minimum.accumulate(finite))
    best = int(np.argmin(finite))
    waits = np.diff(records[records <= best], prepend=0)
    return max(5, int(waits.max(initial=0)) + 1)


def early_stopping(signals: Signals) -> Remedy | None:
    """Stop a patience after the best epoch and keep its weights."""
    best, curve = signals.best, signals.val if signals.val is not None else signals.train
    if best is None or curve is None or curve.mode == "max":
        return None
    patience = patience_for(curve)
    stop, kept = early_stopping_epoch(curve, patience)
    where = f"stops at epoch {stop} and keeps {kept}" if stop is not None else f"keeps epoch {kept}"
    saved = (
        f", {int(curve.epoch[-1]) - stop} epochs earlier"
        if stop is not None and stop < curve.epoch[-1]
        else ""
    )
    call = f"EarlyStopping(monitor={best.monitor!r}, patience={patience}, restore_best_weights=True)"
    return Remedy(
        action="early-stopping",
        change=f"best epoch {best.epoch}: {call} {where}{saved}",
        why=f"{best.monitor} was {number(best.value)} there; everything after it made the model worse",
        snippet=f"early_stopping = keras.callbacks.{call}\nmodel.fit(..., callbacks=[early_stopping])",
    )


def regularise(signals: Signals, strong: bool) -> Remedy:
    """Dropout and weight decay, more of both when the overfitting is strong."""
    rate, decay = (0.5, 1e-3) if strong else (0.3, 1e-4)
    return Remedy(
        action="regularise",
        change=f"add Dropout({rate}) before the last layer and L2 weight decay of {number(decay)}",
        why="the network has capacity left to memorise; both make memorising dearer than generalising",
        snippet="keras.layers.Dense(64, activation='relu', "
        f"kernel_regularizer=keras.regularizers.L2({number(decay)})),\n"
        f"keras.layers.Dropout({rate}),",
    )


def smaller_model() -> Remedy:
    """Pool, or halve the width."""
    return Remedy(
        action="reduce-capacity",
        change="pool (GlobalAveragePooling2D instead of Flatten) or halve the widest layer",
        why="fewer parameters than samples leave less room to memorise",
        snippet="keras.layers.GlobalAveragePooling2D(),",
    )


def augment() -> Remedy:
    """More data, or more out of the data there is."""
    return Remedy(
        action="augment-data",
        change="collect or augment training data: flips, shifts, noise, mixup",
        why="samples that are never the same twice cannot be memorised",
        snippet="augment = keras.Sequential([\n    keras.layers.RandomFlip('horizontal'),\n"
        "    keras.layers.RandomRotation(0.05),\n    keras.layers.RandomZoom(0.1),\n])",
    )


def lower_learning_rate(signals: Signals, factor: float, why: str) -> Remedy:
    """Divide the learning rate by `factor`, with numbers where the log knows the rate."""
    rate = signals.learning_rate
    if rate is None:
        return Remedy(
            action="lower-learning-rate",
            change=f"divide the learning rate by {number(factor)} (the log does not hold the rate itself)",
            why=why,
            snippet=f"model.optimizer.learning_rate = float(model.optimizer.learning_rate) / {number(factor)}",
        )
    return Remedy(
        action="lower-learning-rate",
        change=f"lower the learning rate from {number(rate)} to {number(rate / factor)}",
        why=why,
        snippet=f"model.optimizer.learning_rate = {number(rate / factor)}",
    )


def raise_learning_rate(signals: Signals, factor: float, why: str) -> Remedy:
    """Multiply the learning rate by `factor`."""
    rate = signals.learning_rate
    if rate is None or rate == 0:
        return Remedy(
            action="raise-learning-rate",
            change=f"multiply the learning rate by {number(factor)}, and look for the largest rate that still falls",
            why=why,
            snippet=f"model.optimizer.learning_rate = float(model.optimizer.learning_rate) * {number(factor)}",
        )
    return Remedy(
        action="raise-learning-rate",
        change=f"raise the learning rate from {number(rate)} to {number(rate * factor)}",
        why=why,
        snippet=f"model.optimizer.learning_rate = {number(rate * factor)}",
    )


def reduce_on_plateau(signals: Signals) -> Remedy:
    """Let the rate follow the curve."""
    monitor = signals.best.monitor if signals.best is not None else "val_loss"
    curve = signals.val if signals.val is not None else signals.train
    # Half of what EarlyStopping should wait for on this curve: the lower rate needs time to show.
    patience = 5 if curve is None or curve.mode == "max" else max(3, patience_for(curve) // 2)
    call = f"ReduceLROnPlateau(monitor={monitor!r}, factor=0.3, patience={patience})"
    return Remedy(
        action="reduce-learning-rate-on-plateau",
        change=f"{call} lowers the rate whenever {monitor} stops falling for {patience} epochs",
        why="a rate that is right at the start is often too large at the end",
        snippet=f"reduce_lr = keras.callbacks.{call}\nmodel.fit(..., callbacks=[reduce_lr])",
    )


def smaller_batch(signals: Signals) -> Remedy:
    """Halve the batch twice."""
    size = signals.batch_size
    now = f"from {size} to {max(size // 4, 1)}" if size else "to a quarter"
    return Remedy(
        action="smaller-batch",
        change=f"lower the batch size {now}",
        why="more and noisier steps per epoch leave flat regions sooner",
        snippet=f"model.fit(..., batch_size={max(size // 4, 1) if size else 16})",
    )


def larger_batch(signals: Signals) -> Remedy:
    """Average the gradient over more samples."""
    size = signals.batch_size
    now = f"from {size} to {size * 4}" if size else "four times"
    return Remedy(
        action="larger-batch",
        change=f"raise the batch size {now}",
        why="a gradient averaged over more samples swings less",
        snippet=f"model.fit(..., batch_size={size * 4 if size else 128})",
    )


def more_capacity() -> Remedy:
    """A wider or deeper network."""
    return Remedy(
        action="more-capacity",
        change="double the width of the hidden layers or add one, and drop regularisation meanwhile",
        why="a network that cannot even fit its training data is too small or too tightly held",
        snippet="keras.layers.Dense(256, activation='relu'),",
    )


def _optimizer(signals: Signals | None) -> str:
    """The class of the run's own optimizer, where it is one of Keras'; Adam otherwise."""
    name = None if signals is None else signals.keras.optimizer
    names = {each.lower(): each for each in ("SGD", "Adam", "AdamW", "RMSprop", "Nadam", "Adagrad", "Lion")}
    return names.get((name or "").lower(), "Adam")


def clip_gradients(signals: Signals | None = None) -> Remedy:
    """Bound each step: at the 90th percentile of the gradient norms where they are logged."""
    curve = None if signals is None else gradient_norm(signals)
    norms = np.empty(0) if curve is None else curve.value[np.isfinite(curve.value)]
    if len(norms) and np.quantile(norms, 0.9) > 0:
        limit = number(float(np.quantile(norms, 0.9)))
        change = f"clip the gradient norm at {limit}, the 90th percentile of this run's norms"
    else:
        limit, change = "1.0", "clip the gradient norm at 1.0"
    rate = None if signals is None else signals.learning_rate
    kept = f"learning_rate={number(rate)}, " if rate else ""
    return Remedy(
        action="clip-gradients",
        change=change,
        why="a single huge gradient can throw the weights far out, and NaN or a spike follows",
        snippet=f"optimizer = keras.optimizers.{_optimizer(signals)}({kept}global_clipnorm={limit})",
    )


def warm_up(signals: Signals) -> Remedy:
    """Begin with small steps."""
    rate = signals.learning_rate or 1e-3
    return Remedy(
        action="warm-up",
        change=f"let the learning rate grow to {number(rate)} over the first 5 epochs",
        why="the first gradients are the largest, and Adam's averages know nothing yet",
        snippet="warm_up = keras.callbacks.LearningRateScheduler(\n"
        f"    lambda epoch, rate: {number(rate)} * min(1.0, (epoch + 1) / 5)\n"
        ")\nmodel.fit(..., callbacks=[warm_up])",
    )


def cosine_decay(signals: Signals, rate: float) -> Remedy:
    """Let the rate fall over the whole run, as long as the run is."""
    epochs = max(signals.epochs, 1)
    return Remedy(
        action="decay-over-the-run",
        change=f"let the rate fall from {number(rate)} by a cosine over all {epochs} epochs",
        why="a rate that is used up before the end leaves epochs in which nothing moves",
        snippet=f"steps = {epochs} * len(train_data)\n"
        f"rate = keras.optimizers.schedules.CosineDecay({number(rate)}, decay_steps=steps)\n"
        f"model.compile(optimizer=keras.optimizers.{_optimizer(signals)}(rate), loss=model.loss)",
    )


def larger_validation_set(samples: int | None, wanted: int | None) -> Remedy:
    """More samples to measure on."""
    if samples is None or wanted is None:
        change = "validate on four times as many samples, or average k folds: that halves the noise"
    else:
        change = f"validate on about {wanted} samples instead of {samples}, or average k folds"
    return Remedy(
        action="larger-validation-set",
        change=change,
        why="the noise of a mean falls with the square root of the number of samples",
        snippet="model.fit(x, y, validation_split=0.3, epochs=20)",
    )


def check_data(change: str, why: str, snippet: str = "") -> Remedy:
    """Something to look for in the data."""
    return Remedy(action="check-data", change=change, why=why, snippet=snippet)


def weigh_classes(share: float) -> Remedy:
    """Make rare classes count as much as the common one."""
    return Remedy(
        action="class-weights",
        change=f"weigh the classes: one of them is answered for every sample, and it is {share:.0%} of them",
        why="with weights of samples / (classes * samples of the class) guessing the common class no longer pays",
        snippet="import numpy as np\nclasses, counts = np.unique(y, return_counts=True)\n"
        "weights = dict(zip(classes.tolist(), (len(y) / (len(classes) * counts)).tolist()))\n"
        "model.fit(x, y, class_weight=weights)",
    )


def overfit_one_batch() -> Remedy:
    """The first test of any pipeline."""
    return Remedy(
        action="overfit-one-batch",
        change="train on a single batch of 32 samples until its loss is near zero; if it cannot, the model, loss "
        "or labels are wired wrongly",
        why="a network that cannot memorise 32 samples will learn nothing from more",
        snippet="model.fit(x[:32], y[:32], epochs=200, verbose=2)",
    )


def present(*remedies: Remedy | None) -> tuple[Remedy, ...]:
    """Those that apply, in order."""
    return tuple(remedy for remedy in remedies if remedy is not None)
