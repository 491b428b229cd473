"""``traindiag explain``: the whole page of one rule, with a picture of a run that it fires on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from traindiag.cli import completing
from traindiag.cli.options import ColorOption
from traindiag.cli.terminal import Color, only_ascii, wants_color

if TYPE_CHECKING:
    from traindiag.cli.prose import Page
    from traindiag.model.finding import Finding
    from traindiag.model.report import RunReport
    from traindiag.rules.base import Rule

EXAMPLES = """[bold]Examples[/bold]
$ traindiag explain overfitting
$ traindiag explain TD201
"""
HEIGHT = 8
"""Lines of the picture: enough to see a shape by, and the page stays a page."""


def explain(
    rule: Annotated[
        str,
        typer.Argument(metavar="RULE", help="Name or code of a rule.", autocompletion=completing.rules),
    ],
    color: ColorOption = Color.AUTO,
) -> None:
    """Say what a rule means, what it goes by, what helps, and when to ignore it."""
    from rich.text import Text

    from traindiag.cli.prose import Page
    from traindiag.rules.base import find_rule

    found = find_rule(rule)
    page = Page(color)
    page.line(
        Text.assemble((found.name, "bold"), (f"  {found.code}, {found.severity}, {found.status}", "dim"))
    )
    page.line()
    page.prose(found.page())
    _print_options(page, found)
    _print_example(page, found, color)


def _print_options(page: Page, rule: type[Rule]) -> None:
    from rich.text import Text

    from traindiag.cli.rules import options_of

    options = options_of(rule)
    if options:
        page.line()
        page.line("Options", "bold underline")
    for option in options:
        page.line(Text.assemble((option["name"], "cyan"), f" = {option['default']!r}"))
        page.wrapped(f"{option['help']}", indent=4)
        if option["source"]:
            page.wrapped(f"From: {option['source']}", indent=4, style="dim")


def _print_example(page: Page, rule: type[Rule], color: Color) -> None:
    """A run on which the rule fires, drawn, and what the rule says of it."""
    from traindiag.reports.base import Options
    from traindiag.reports.braille import chart_picture
    from traindiag.reports.charts import charts_of

    known = example_of(rule)
    if known is None:
        return
    name, report, finding = known
    options = Options(
        width=page.width, color=wants_color(sys.stdout, color), ascii=only_ascii(sys.stdout, "⣿│└×")
    )
    metric = metric_shown(report, finding)
    # All metrics, or the one that is wanted may be left out.
    charts = charts_of(report, 4 * page.width, metrics=len(report.metrics))
    chart = next((each for each in charts if each.title == metric), None)
    page.line()
    page.line("Example", "bold underline")
    page.wrapped(f"{name}: {metric}")
    if chart is not None:
        page.line(chart_picture(chart, options, HEIGHT))
    page.wrapped(f"Says: {finding.message}.")


def example_of(rule: type[Rule]) -> tuple[str, RunReport, Finding] | None:
    """The first run on which a rule must fire: its name, its report and what the rule says of it.

    None for the rules that one run alone cannot break.
    """
    from traindiag.diagnosis import diagnose_run

    example = next(iter(rule.fires_on()), None)
    if example is None:
        return None
    report = diagnose_run(example.run())
    return example.name, report, next(each for each in report.findings if each.rule == rule.name)


def metric_shown(report: RunReport, finding: Finding) -> str:
    """The metric in whose curves a finding can be seen: that of its first evidence, else the loss."""
    from traindiag.plots.base import loss_name

    for each in finding.evidence:
        split, _, metric = each.series.partition("/")
        if report.curve(split, metric) is not None:
            return metric
    return loss_name(report)
