"""A comparison for a person at a terminal: a table of the groups, then a verdict on each with its reasons."""

from __future__ import annotations

import math
from io import StringIO

from rich.console import Console
from rich.text import Text

from traindiag.comparison import Comparison, Contrast, Group, Judgment, Spread
from traindiag.reports.base import DEFAULT, Options
from traindiag.reports.ink import Ink
from traindiag.reports.numbers import counted, short

GAP = "  "
LEAST_NAME = 8
_MARKS = {"regressed": "✗x", "improved": "✓+", "same": "==", "cannot tell": "??"}
_STYLES = {"regressed": "red", "improved": "green", "same": "green", "cannot tell": "bright_black"}


def comparison_text(comparison: Comparison, options: Options = DEFAULT) -> str:
    """The comparison at `options.width` columns; names from logs are sanitised."""
    page = StringIO()
    console = Console(
        file=page,
        width=options.width,
        color_system="standard" if options.color else None,
        force_terminal=options.color,
        no_color=not options.color,
        legacy_windows=False,
        emoji=False,
        markup=False,
        highlight=False,
    )
    _Page(console, Ink(options)).write(comparison)
    return "".join(line.rstrip(" ") + "\n" for line in page.getvalue().splitlines())


class _Page:
    def __init__(self, console: Console, ink: Ink) -> None:
        self.console = console
        self.ink = ink

    def write(self, comparison: Comparison) -> None:
        self._table(comparison)
        self._legend(comparison)
        for contrast, group in zip(comparison.contrasts, comparison.groups[1:], strict=True):
            self.console.print()
            self._contrast(comparison, contrast, group)

    def _table(self, comparison: Comparison) -> None:
        judgments: list[Judgment | None] = [None, *(each.judgment for each in comparison.contrasts)]
        columns = self._fitting(_columns(comparison))
        room = self.ink.options.width - 2 - sum(len(GAP) + len(column[0]) for column in columns)
        name = max(LEAST_NAME, min(room, max(len(group.name) for group in comparison.groups)))
        head, *rows = zip(*columns, strict=True)
        self._print(self.ink.text(f"  {'group':<{name}}{GAP}{GAP.join(head)}", "bold"))
        lines = GAP.join(self.ink.rule_line * len(title) for title in head)
        self._print(self.ink.text(f"  {self.ink.rule_line * name}{GAP}{lines}", "dim"))
        for group, row, judgment in zip(comparison.groups, rows, judgments, strict=True):
            tail = self.ink.tail(group.name, name)
            cells = self.ink.text(" " * (name - tail.cell_len) + GAP + GAP.join(row))
            self._print(Text.assemble(self._mark(judgment), " ", tail, cells))

    def _fitting(self, columns: list[list[str]]) -> list[list[str]]:
        """The columns that leave room for names; the last ones go first, runs and the best stay."""
        while len(columns) > 2:
            needed = 2 + LEAST_NAME + sum(len(GAP) + len(column[0]) for column in columns)
            if needed <= self.ink.options.width:
                break
            columns = columns[:-1]
        return columns

    def _legend(self, comparison: Comparison) -> None:
        better = "less" if comparison.mode == "min" else "more"
        first, last = comparison.shared
        unit = "epochs" if comparison.axis == "epoch" else "steps"
        area = f"area: mean over {unit} {first}-{last}" if last >= first else f"area: no {unit} are shared"
        text = (
            f"{comparison.metric}, {better} is better; mean ± deviation over runs; {area}; "
            f"to {short(comparison.target)}: {unit} and time until it was reached."
        )
        self._wrapped(self.ink.text(text, "dim"), indent=0)

    def _contrast(self, comparison: Comparison, contrast: Contrast, group: Group) -> None:
        head = Text.assemble(
            self._mark(contrast.judgment),
            " ",
            self.ink.tail(group.name, self.ink.options.width - 24),
            "  ",
            (contrast.judgment, f"bold {_STYLES[contrast.judgment]}"),
            (" TD801" if contrast.judgment == "regressed" else "", "dim"),
        )
        self._print(head)
        self._wrapped(self.ink.text(_reason(comparison, contrast)))
        self._wrapped(self.ink.text(_others(comparison.base, group), "dim"))
        for note in _notes(comparison.base, group):
            self._wrapped(self.ink.text(note))
        if contrast.advice:
            self._wrapped(self.ink.text(_sentence(contrast.advice)))

    def _mark(self, judgment: Judgment | None) -> Text:
        if judgment is None:
            return Text(" ")
        return Text(_MARKS[judgment][self.ink.options.ascii], style=f"bold {_STYLES[judgment]}")

    def _wrapped(self, text: Text, indent: int = 2) -> None:
        for line in text.wrap(self.console, self.ink.options.width - indent):
            line.rstrip()
            self._print(Text.assemble(" " * indent, line))

    def _print(self, line: Text) -> None:
        line.rstrip()
        self.console.print(line, soft_wrap=True)


def _columns(comparison: Comparison) -> list[list[str]]:
    """Title and cells of each column, all of one width; no time where no log has any."""
    groups = comparison.groups
    title = f"best {comparison.metric}"
    columns = [
        ["runs", *(str(len(group.runs)) for group in groups)],
        [title if len(title) <= 20 else "best", *(spread_text(group.best) for group in groups)],
        ["final", *(short(group.final.mean) for group in groups)],
        ["area", *(short(group.area.mean) for group in groups)],
        [f"to {short(comparison.target)}", *(_reached(group.epochs) for group in groups)],
    ]
    if any(group.seconds.values for group in groups):
        columns.append(["time", *(_time(group.seconds.mean) for group in groups)])
    return [[f"{cell:>{max(map(len, column))}}" for cell in column] for column in columns]


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


def _reason(comparison: Comparison, contrast: Contrast) -> str:
    low, high = contrast.interval
    if not math.isfinite(low):
        return _sentence(f"best {comparison.metric}: {contrast.basis}")
    way = "higher" if contrast.difference > 0 else "lower"
    # Relative to a base near zero the figure would only frighten.
    share = f" ({100 * abs(contrast.relative):.3g}%)" if abs(contrast.relative) < 10 else ""
    return (
        f"Best {comparison.metric} is {short(abs(contrast.difference), 3)}{share} {way} than that of "
        f"{comparison.base.name}. The difference lies between {short(low, 3)} and {short(high, 3)}: "
        f"{contrast.basis}. From {short(comparison.least, 2)} on it counts."
    )


def _others(base: Group, group: Group) -> str:
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


def _notes(base: Group, group: Group) -> list[str]:
    notes = [
        f"{each.name}: {each.broken} of {counted(len(each.runs), 'run')} end in NaN or infinity."
        for each in (group, base)
        if each.broken
    ]
    old, new = base.trained.mean, group.trained.mean
    if max(old, new) > 1.25 * min(old, new):
        notes.append(f"Not trained alike: {new:.0f} epochs, and {old:.0f} for {base.name}.")
    return notes


def _sentence(clause: str) -> str:
    return f"{clause[:1].upper()}{clause[1:]}."
