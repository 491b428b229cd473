"""The table and the sentences of a comparison, before any format lays them out."""

from __future__ import annotations

import math

from traindiag.comparison.shapes import Comparison, Contrast, Group, Spread
from traindiag.reports.numbers import counted, short


def legend(comparison: Comparison) -> str:
    """What the table does not say itself."""
    better = "less" if comparison.mode == "min" else "more"
    first, last = comparison.shared
    unit = "epochs" if comparison.axis == "epoch" else "steps"
    area = f"area: mean over {unit} {first}-{last}" if last >= first else f"area: no {unit} are shared"
    return (
        f"{comparison.metric}, {better} is better; mean ± deviation over runs; {area}; "
        f"to {short(comparison.target)}: {unit} and time until it was reached."
    )


def columns(comparison: Comparison) -> list[list[str]]:
    """Title and cells of each column; no time where no log has any."""
    groups = comparison.groups
    title = f"best {comparison.metric}"
    found = [
        ["runs", *(str(len(group.runs)) for group in groups)],
        [title if len(title) <= 20 else "best", *(spread_text(group.best) for group in groups)],
        ["final", *(short(group.final.mean) for group in groups)],
        ["area", *(short(group.area.mean) for group in groups)],
        [f"to {short(comparison.target)}", *(_reached(group.epochs) for group in groups)],
    ]
    if any(group.seconds.values for group in groups):
        found.append(["time", *(_time(group.seconds.mean) for group in groups)])
    return found


def spread_text(spread: Spread) -> str:
    """``0.412 ± 0.006``: the mean and, of several runs, their deviation."""
    if math.isnan(spread.deviation):
        return short(spread.mean)
    return f"{short(spread.mean)} ± {short(spread.deviation, 2)}"


def _reached(epochs: Spread) -> str:
    if not epochs.values:
        return "never"
    of = f" ({len(epochs.values)}/{len(epochs.values) + epochs.missing})" if epochs.missing else ""
    return f"{epochs.mean:.0f}{of}"


def _time(seconds: float) -> str:
    if math.isnan(seconds):
        return ""
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def reason(comparison: Comparison, contrast: Contrast) -> str:
    """What the verdict was made of."""
    low, high = contrast.interval
    if not math.isfinite(low):
        return sentence(f"best {comparison.metric}: {contrast.basis}")
    way = "higher" if contrast.difference > 0 else "lower"
    # Relative to a base near zero the figure would only frighten.
    share = f" ({100 * abs(contrast.relative):.3g}%)" if abs(contrast.relative) < 10 else ""
    return (
        f"Best {comparison.metric} is {short(abs(contrast.difference), 3)}{share} {way} than that of "
        f"{comparison.base.name}. The difference lies between {short(low, 3)} and {short(high, 3)}: "
        f"{contrast.basis}. From {short(comparison.least, 2)} on it counts."
    )


def others(base: Group, group: Group) -> str:
    """Changes of the other quantities, as percentages of the base's."""
    pairs = [
        ("final", base.final.mean, group.final.mean),
        ("area", base.area.mean, group.area.mean),
        ("epochs to the target", base.epochs.mean, group.epochs.mean),
        ("time", base.seconds.mean, group.seconds.mean),
    ]
    parts = [
        f"{name} {100 * (new - old) / abs(old):+.3g}%"
        for name, old, new in pairs
        if math.isfinite(old) and math.isfinite(new) and old != 0
    ]
    return f"Also: {', '.join(parts)}." if parts else ""


def notes(base: Group, group: Group) -> list[str]:
    """What a reader should know of the runs themselves."""
    found = [
        f"{each.name}: {each.broken} of {counted(len(each.runs), 'run')} end in NaN or infinity."
        for each in (group, base)
        if each.broken
    ]
    old, new = base.trained.mean, group.trained.mean
    if max(old, new) > 1.25 * min(old, new):
        found.append(f"Not trained alike: {new:.0f} epochs, and {old:.0f} for {base.name}.")
    return found


def sentence(clause: str) -> str:
    """The clause with a capital and a full stop."""
    return f"{clause[:1].upper()}{clause[1:]}."
