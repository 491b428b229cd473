"""A figure for every rule, drawn by traindiag's own plots from the first run that the rule must fire on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from bookmaking.pages import Shelf, page, safe
from traindiag.cli.explain import example_of, metric_shown
from traindiag.model.curve import Curve
from traindiag.model.finding import Finding
from traindiag.model.names import LEARNING_RATE
from traindiag.model.report import RunReport
from traindiag.plots.base import (
    SEVERITY_COLORS,
    STATUS_COLORS,
    figure_bytes,
    loss_name,
    new_figure,
    tidy,
    titled,
    whole_epochs,
)
from traindiag.plots.comparison import COLORS
from traindiag.plots.learning_rate import LearningRateDisplay
from traindiag.plots.loss import MOST_EVIDENCE, LossDisplay
from traindiag.rules.base import Rule, all_rules

LAYER = "gradient_norm/"
INTRODUCTION = """# Gallery

What each rule looks like. Every figure is the first of the runs on which the rule must fire, with the evidence as the
rule gives it; the grey stretch was judged for the trend at the end. Epochs count from 0.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A rule's figure.

    Attributes:
        rule: its name.
        case: what kind of run is drawn.
        finding: what the rule says of it.
        svg: the figure.
    """

    rule: str
    case: str
    finding: Finding
    svg: bytes

    def markdown(self, folder: str) -> str:
        """The figure as Markdown, on a page that reaches the figures' folder by `folder`.

        It links to itself: on a phone the page shows it too small to be read.
        """
        words, path = safe(f"{self.rule}: {self.case}"), f"{folder}/{self.rule}.svg"
        return f"[![{words}]({path})]({path})"


def write(shelf: Shelf) -> None:
    """The page, and the figures that the rules' pages show as well."""
    pictures = [(rule, picture_of(rule)) for rule in all_rules()]
    for _, picture in pictures:
        shelf.put(f"reference/figures/{picture.rule}.svg", picture.svg)
    sections = [_section(rule, picture) for rule, picture in pictures]
    shelf.put("reference/gallery.md", page(INTRODUCTION, *sections))


def _section(rule: type[Rule], picture: Picture) -> str:
    heading = f"## {rule.name}"
    words = f"{safe(rule.summary())} [{rule.code}](../rules/{rule.name}.md)"
    return page(
        heading, words, picture.markdown("figures"), f"traindiag says: {safe(picture.finding.message)}."
    )


@cache
def picture_of(rule: type[Rule]) -> Picture:
    """The figure of a rule."""
    if rule.name in _TOGETHER:
        return _TOGETHER[rule.name]()
    known = example_of(rule)
    if known is None:
        raise ValueError(f"{rule.name} has no run of its own to draw")
    case, report, finding = known
    svg = figure_bytes(_display(report, finding, case).figure(), "svg")
    return Picture(rule=rule.name, case=case, finding=finding, svg=svg)


def _display(report: RunReport, finding: Finding, title: str) -> Any:
    """The figure in which the finding's evidence can be seen."""
    metric = metric_shown(report, finding)
    if metric == LEARNING_RATE:
        return LearningRateDisplay.from_run(report)
    if metric.startswith(LAYER):
        return LayersDisplay(
            title=title, curves=tuple(c for c in report.curves if c.metric.startswith(LAYER))
        )
    about_loss = metric == loss_name(report)
    curves = (report.curve(split, metric) for split in ("train", "val", "test"))
    windows = [trend.epochs for trend in report.trends] if about_loss else []
    return LossDisplay(
        title=title,
        verdict=f"{finding.rule}: {finding.message}",
        color=_color(report, finding),
        curves=tuple(curve for curve in curves if curve is not None and len(curve)),
        best=report.best if about_loss else None,
        window=(min(w[0] for w in windows), max(w[1] for w in windows)) if windows else None,
        evidence=finding.evidence[:MOST_EVIDENCE],
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LayersDisplay:
    """The gradient norms of a network's layers over each other: what counts is how far they lie apart."""

    title: str
    curves: tuple[Curve, ...]

    def figure(self) -> Any:
        """A figure of its own."""
        figure = new_figure(LossDisplay.size)
        ax = figure.add_subplot()
        tidy(ax)
        ax.set_yscale("log")
        for curve, color in zip(self.curves, COLORS, strict=False):
            ax.plot(
                curve.epoch, curve.value, color=color, linewidth=1.8, label=curve.metric.removeprefix(LAYER)
            )
        titled(ax, self.title, self.curves[0].axis, "gradient norm")
        ax.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        whole_epochs(ax)
        return figure


def _color(report: RunReport, finding: Finding) -> str:
    own = report.verdict.rule == finding.rule
    status = STATUS_COLORS.get(report.verdict.status) if own else None
    return status or SEVERITY_COLORS[finding.severity.value]


def _over_budget() -> Picture:
    """A healthy run that breaks a budget: budgets are known to a gate only."""
    from traindiag.budgets import parse_budget
    from traindiag.check import check_runs
    from traindiag.rules.learning import Learning
    from traindiag.settings import Settings

    example = next(iter(Learning.fires_on()))
    settings = Settings().changed(budgets=(parse_budget("val_loss <= 0.1"),))
    [report] = check_runs([example.run()], settings=settings).report.runs
    finding = next(each for each in report.findings if each.rule == "over-budget")
    case = "learning, with the budget val_loss <= 0.1"
    svg = figure_bytes(_display(report, finding, case).figure(), "svg")
    return Picture(rule="over-budget", case=case, finding=finding, svg=svg)


def _regressed() -> Picture:
    """Five seeds of one setting beside five of a worse one: only `compare` sees both."""
    from traindiag.api import compare
    from traindiag.model.convert import run_from_history
    from traindiag.model.finding import Severity
    from traindiag.plots.comparison import ComparisonDisplay
    from traindiag.rules.examples import decay

    def runs(end: float, first: int) -> list[Any]:
        return [
            run_from_history(
                {"loss": decay(40, 2.3, end, 0.12, 0.01, seed), "val_loss": decay(40, 2.3, end, 0.12, 0.01, -~seed)},
                name=f"seed-{seed}",
            )
            for seed in range(first, first + 5)
        ]  # fmt: skip

    comparison = compare({"main": runs(0.30, 0), "new": runs(0.34, 5)})
    worse = comparison.contrasts[0].relative
    message = f"the best val_loss of new is {worse:.0%} above that of main, more than the noise of seeds"
    finding = Finding(
        rule="regressed", code="TD801", severity=Severity.ERROR, confidence=0.98, message=message
    )
    svg = figure_bytes(ComparisonDisplay.from_comparison(comparison).figure(), "svg")
    return Picture(rule="regressed", case="five seeds each of two settings", finding=finding, svg=svg)


_TOGETHER = {"over-budget": _over_budget, "regressed": _regressed}
