"""The sentences of a comparison, before any format lays them out."""

from __future__ import annotations

import math
from collections.abc import Iterator

from traindiag.comparison.shapes import Comparison, ComparisonReport, Contrast, Group, Judgment
from traindiag.reports.numbers import counted, short

_NOTHING = 1e-3
ORDER: tuple[Judgment, ...] = ("regressed", "cannot tell", "same", "improved")


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
