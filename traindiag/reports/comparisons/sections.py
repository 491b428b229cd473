"""What a web page and a notebook show of each comparison."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from traindiag.comparison.shapes import Comparison, ComparisonReport, Contrast, Group, Judgment
from traindiag.reports.comparisons.pictures import MOST_GROUPS, color_of, groups_chart, interval_svg, reach
from traindiag.reports.comparisons.table import Column, columns
from traindiag.reports.comparisons.words import legend, told
from traindiag.reports.page import Picture, picture

_KINDS: dict[Judgment, str] = {
    "regressed": "error",
    "improved": "healthy",
    "same": "healthy",
    "cannot tell": "unjudged",
}
_MARKS: dict[Judgment, str] = {"regressed": "✗", "improved": "✓", "same": "=", "cannot tell": "?"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One group in the table.

    Attributes:
        color: class of its line in the picture; empty if it is not drawn.
        kind: class of its verdict.
        judgment: "the base" for the base.
        cells: text and number of each column.
        interval: drawing of the difference to the base.
        told: sentences; none for the base.
    """

    name: str
    color: str
    kind: str
    mark: str
    judgment: str
    cells: tuple[tuple[str, float], ...]
    interval: Markup
    told: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Section:
    """One metric."""

    comparison: Comparison
    legend: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    picture: Picture
    left_out: int


def sections(report: ComparisonReport) -> list[Section]:
    """One section a metric."""
    return [_section(each) for each in report.comparisons]


def _section(comparison: Comparison) -> Section:
    table = columns(comparison)
    contrasts: list[Contrast | None] = [None, *comparison.contrasts]
    return Section(
        comparison=comparison,
        legend=legend(comparison),
        columns=tuple(table),
        rows=tuple(
            _row(comparison, table, place, group, contrast)
            for place, (group, contrast) in enumerate(zip(comparison.groups, contrasts, strict=True))
        ),
        picture=picture(groups_chart(comparison), f"{comparison.metric} of {len(comparison.groups)} groups"),
        left_out=max(0, len(comparison.groups) - MOST_GROUPS),
    )


def _row(
    comparison: Comparison, table: list[Column], place: int, group: Group, contrast: Contrast | None
) -> Row:
    cells = tuple((column.cells[place], column.values[place]) for column in table)
    if contrast is None:
        return Row(
            name=group.name,
            color=color_of(place),
            kind="quiet",
            mark="",
            judgment="the base",
            cells=cells,
            interval=Markup(""),
            told=(),
        )
    return Row(
        name=group.name,
        color=color_of(place),
        kind=_KINDS[contrast.judgment],
        mark=_MARKS[contrast.judgment],
        judgment=contrast.judgment,
        cells=cells,
        interval=interval_svg(comparison, contrast, reach(comparison)),
        told=tuple(told(comparison, contrast, group)),
    )
