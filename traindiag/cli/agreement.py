"""The table of ``traindiag train --compare``: the verdict a scenario expects beside the one that was found."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from traindiag.capture.outcome import Outcome
from traindiag.cli.prose import Page
from traindiag.cli.terminal import Color


def print_agreement(outcomes: Sequence[Outcome]) -> bool:
    """Prints the table, 80 columns wide; gives whether all agree."""
    page = Page(Color.AUTO)
    page.line(_row("scenario", "expected", "found", ""), "bold")
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for each in outcomes:
        groups[each.scenario].append(each)
    for mine in groups.values():
        _print_scenario(page, mine)
    page.line()
    for line in _summary(outcomes):
        page.line(line)
    return all(each.agrees for each in outcomes)


def _print_scenario(page: Page, outcomes: Sequence[Outcome]) -> None:
    """A line for each verdict its seeds got, and one for each finding they must have beside it."""
    name, expected = outcomes[0].scenario, outcomes[0].expected
    for found, count in Counter(each.found for each in outcomes).most_common():
        agreement = "yes" if found == expected[0] else "also" if found in expected else "no"
        shown = f"{found} x{count}" if len(outcomes) > 1 else found
        page.line(_row(name, expected[0], shown, agreement), "red" if agreement == "no" else "")
        name = ""
    for rule in outcomes[0].asked:
        missing = sum(rule in each.missing for each in outcomes)
        few = f"missing x{missing}" if len(outcomes) > 1 else "missing"
        page.line(_row("", f"+ {rule}", few if missing else f"+ {rule}", "no" if missing else "yes"))


def _row(scenario: str, expected: str, found: str, agreement: str) -> str:
    return f"{scenario:<24} {expected:<24} {found:<25} {agreement}".rstrip()


def _summary(outcomes: Sequence[Outcome]) -> list[str]:
    agreed = sum(each.agrees for each in outcomes)
    also = sum(each.agrees and not each.is_best for each in outcomes)
    lines = [f"{agreed} of {len(outcomes)} agree"]
    if also:
        lines[0] += f", {also} of them by another verdict that is right as well (also)"
    wrong = [f"{each.scenario} (seed {each.seed})" for each in outcomes if not each.agrees]
    if wrong:
        lines.append(f"disagreeing: {', '.join(wrong)}")
    return lines
