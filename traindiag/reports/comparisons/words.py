"""The table and the sentences of a comparison, before any format lays them out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from traindiag.comparison.shapes import Comparison, ComparisonReport, Contrast, Group, Judgment, Spread
from traindiag.reports.numbers import counted, short

_NOTHING = 1e-3
ORDER: tuple[Judgment, ...] = ("regressed", "cannot tell", "same", "improved")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of the table of groups.

    Attributes:
        cells: one a group, the base first.
        values: what a cell is sorted by; NaN where there is nothing.
    """

    title: str
    cells: tuple[str, ...]
    values: tuple[float, ...]


def contrasts(report: ComparisonReport) -> Iterator[tuple[Comparison, Contrast, Group]]:
    """Every contrast with the comparison it belongs to and the group it is about."""
    for comparison in report.comparisons:
        for contrast, group in zip(comparison.contrasts, comparison.groups[1:], strict=True):
            yield comparison, contrast, group


def totals(comparison: Comparison) -> str:
    """``val_loss against main: 1 regressed, 2 same``."""
    judged = [each.judgment for each in comparison.contrasts]
    counts = ", ".join(f"{judged.count(each)} {each}" for each in ORDER if each in judged)
    return f"{comparison.metric} against {comparison.base.name}: {counts}"


def headline(contrast: Contrast, comparison: Comparison) -> str:
    """``new: regressed by val_loss``."""
    return f"{contrast.group}: {contrast.judgment} by {comparison.metric}"


def told(comparison: Comparison, contrast: Contrast, group: Group) -> list[str]:
    """Everything to say of a contrast, in sentences: the reason first."""
    said = [
        reason(comparison, contrast),
        others(comparison.base, group),
        *notes(comparison.base, group),
        sentence(contrast.advice) if contrast.advice else "",
    ]
    return [each for each in said if each]


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


def columns(comparison: Comparison) -> list[Column]:
    """The table of groups; no time where no log has any."""
    groups = comparison.groups
    title = f"best {comparison.metric}"

    def column(title: str, cells: Iterator[str], values: Iterator[float]) -> Column:
        return Column(title=title, cells=tuple(cells), values=tuple(values))

    found = [
        column("runs", (str(len(each.runs)) for each in groups), (float(len(each.runs)) for each in groups)),
        column(
            title if len(title) <= 20 else "best",
            (spread_text(each.best) for each in groups),
            (each.best.mean for each in groups),
        ),
        column("final", (short(each.final.mean) for each in groups), (each.final.mean for each in groups)),
        column("area", (short(each.area.mean) for each in groups), (each.area.mean for each in groups)),
        column(
            f"to {short(comparison.target)}",
            (_reached(each.epochs) for each in groups),
            (each.epochs.mean for each in groups),
        ),
    ]
    if any(each.seconds.values for each in groups):
        times = [each.seconds.mean for each in groups]
        found.append(column("time", (_time(each) for each in times), iter(times)))
    return found


def spread_text(spread: Spread) -> str:
    """``0.412 ± 0.006``: the mean and, of several runs, their deviation."""
    if math.isnan(spread.deviation):
        return short(spread.mean)
    deviation = spread.deviation
    small = f"{deviation:.2g}" if 1e-4 <= deviation < 1e-3 else short(deviation, 2)
    return f"{short(spread.mean)} ± {small}"


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
    return (
        f"{_apart(comparison, contrast)} The difference lies between {short(low, 3)} and {short(high, 3)}: "
        f"{contrast.basis}. From {short(comparison.least, 2)} on it counts."
    )


def _apart(comparison: Comparison, contrast: Contrast) -> str:
    """How far the best value lies from the base's."""
    if abs(contrast.difference) < _NOTHING * comparison.least:
        return f"Best {comparison.metric} is that of {comparison.base.name}."
    way = "higher" if contrast.difference > 0 else "lower"
    # Relative to a base near zero the figure would only frighten.
    share = f" ({_percent(abs(contrast.relative))})" if abs(contrast.relative) < 10 else ""
    difference = short(abs(contrast.difference), 3)
    return f"Best {comparison.metric} is {difference}{share} {way} than that of {comparison.base.name}."


def _percent(fraction: float, sign: str = "") -> str:
    """``12.3%``; below a tenth of a percent nothing but 0."""
    return f"{100 * fraction:{sign}.3g}%" if abs(fraction) >= _NOTHING else "0%"


def others(base: Group, group: Group) -> str:
    """Changes of the other quantities, as percentages of the base's."""
    pairs = [
        ("final", base.final.mean, group.final.mean),
        ("area", base.area.mean, group.area.mean),
        ("epochs to the target", base.epochs.mean, group.epochs.mean),
        ("time", base.seconds.mean, group.seconds.mean),
    ]
    parts = [
        f"{name} {_percent((new - old) / abs(old), '+')}"
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
