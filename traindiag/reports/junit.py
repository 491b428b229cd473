"""JUnit XML: one test case a run, for the test pages of CI systems."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar
from xml.etree import ElementTree as ET

from traindiag.model.finding import Finding, Severity, Verdict
from traindiag.model.report import Report, RunReport
from traindiag.reports.base import DEFAULT, Options, Renderer
from traindiag.reports.numbers import epochs_text, short
from traindiag.reports.sanitise import sanitise, sanitise_lines
from traindiag.reports.testsuite import add_unreadable, document


class JunitRenderer(Renderer):
    """One test case a run: illness from warning up is a failure, not judged is skipped, unreadable an error.

    Notes and accepted findings fail nothing: they are the test's output. Where a gate judged, its failures are the
    only ones. The type of a failure is its severity; its text holds evidence and remedies.
    """

    name: ClassVar[str] = "junit"
    suffixes: ClassVar[tuple[str, ...]] = (".xml",)

    def render(self, report: Report, options: Options = DEFAULT) -> str:
        """The XML document."""
        suite = ET.Element("testsuite", {"name": "traindiag"})
        for run in report.runs:
            _case(suite, run, _failing(run, options))
        add_unreadable(suite, report.unreadable)
        return document(suite)


def _failing(run: RunReport, options: Options) -> list[Finding]:
    """The findings that make a test fail, the verdict's own first."""
    if options.failing is not None:
        return [each for each in run.findings if (run.name, each.rule) in options.failing]
    if run.verdict.status != "ill":
        return []
    return [each for each in run.findings if each.severity.rank >= Severity.WARNING.rank]


def _case(suite: ET.Element, run: RunReport, failing: Sequence[Finding]) -> None:
    attributes = {
        "classname": "traindiag",  # The same whatever the verdict: a run that recovers is a test that was mended.
        "name": sanitise(run.name),
        "file": sanitise(run.source.path),
    }
    case = ET.SubElement(suite, "testcase", attributes)
    if failing:
        worst = max(failing, key=lambda each: each.severity.rank)
        failure = ET.SubElement(
            case, "failure", {"type": worst.severity.value, "message": _message(failing[0])}
        )
        failure.text = _text(failing)
    elif run.verdict.status == "unjudged":
        ET.SubElement(case, "skipped", {"message": _message(run.verdict)})
    rest = [each for each in run.findings if each not in failing]
    if rest:
        ET.SubElement(case, "system-out").text = _text(rest)


def _message(said: Finding | Verdict) -> str:
    return sanitise(f"{said.code} {said.rule}: {said.message}")


def _text(findings: Sequence[Finding]) -> str:
    return "\n".join(line for finding in findings for line in _lines(finding))


def _lines(finding: Finding) -> list[str]:
    lines = [f"{finding.severity} {finding.code} {finding.rule}: {finding.message}"]
    for each in finding.evidence:
        limit = "" if each.threshold is None else f" (limit {short(each.threshold)})"
        lines.append(
            f"  {each.series}, {epochs_text(each.epochs)}: {short(each.observed)}, {each.note}{limit}"
        )
    lines = [sanitise(line) for line in lines]
    for number, remedy in enumerate(finding.remedies, 1):
        lines.append(sanitise(f"  {number}. {remedy.change}"))
        if remedy.snippet:
            lines += [f"       {line}" for line in sanitise_lines(remedy.snippet)]
    return lines
