"""CSV: one row a group and metric, for spreadsheets and data frames."""

from __future__ import annotations

from typing import ClassVar

from traindiag.comparison.shapes import Comparison, ComparisonReport, Contrast, Group
from traindiag.reports.base import DEFAULT, Options
from traindiag.reports.comparisons.base import ComparisonRenderer
from traindiag.reports.spreadsheet import number, table

COLUMNS = (
    *("metric", "mode", "base", "group", "verdict", "runs"),
    *(
        "best",
        "best_deviation",
        "final",
        "area",
        "epochs_to_target",
        "seconds_to_target",
        "epochs",
        "not_finite",
    ),
    *("difference", "relative", "low", "high", "target", "basis", "advice"),
)


class CsvRenderer(ComparisonRenderer):
    """One row a group: its means, and how it differs from the base, whose own verdict is "base".

    Files that could not be read have the verdict "unreadable".
    """

    name: ClassVar[str] = "csv"
    suffixes: ClassVar[tuple[str, ...]] = (".csv",)

    def render(self, report: ComparisonReport, options: Options = DEFAULT) -> str:
        """A header and one row a group or unreadable file."""
        rows: list[dict[str, object]] = []
        for comparison in report.comparisons:
            rows.append(_group(comparison, comparison.base) | {"verdict": "base"})
            rows += [
                _group(comparison, group) | _contrast(contrast)
                for contrast, group in zip(comparison.contrasts, comparison.groups[1:], strict=True)
            ]
        rows += [
            {"group": each.path, "verdict": "unreadable", "basis": each.message} for each in report.unreadable
        ]
        return table(COLUMNS, rows)


def _group(comparison: Comparison, group: Group) -> dict[str, object]:
    return {
        "metric": comparison.metric,
        "mode": comparison.mode,
        "base": comparison.base.name,
        "group": group.name,
        "runs": len(group.runs),
        "best": number(group.best.mean),
        "best_deviation": number(group.best.deviation),
        "final": number(group.final.mean),
        "area": number(group.area.mean),
        "epochs_to_target": number(group.epochs.mean),
        "seconds_to_target": number(group.seconds.mean),
        "epochs": number(group.trained.mean),
        "not_finite": group.broken,
        "target": number(comparison.target),
    }


def _contrast(contrast: Contrast) -> dict[str, object]:
    low, high = contrast.interval
    return {
        "verdict": contrast.judgment,
        "difference": number(contrast.difference),
        "relative": number(contrast.relative),
        "low": number(low),
        "high": number(high),
        "basis": contrast.basis,
        "advice": contrast.advice,
    }
