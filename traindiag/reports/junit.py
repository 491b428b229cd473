"""JUnit XML: one test case a run, for the test pages of CI systems."""

from __future__ import annotations

from typing import ClassVar
from xml.etree import ElementTree as ET

from traindiag.model.finding import Finding
from traindiag.model.report import Report, RunReport
from traindiag.reports.base import DEFAULT, Options, Renderer
from traindiag.reports.numbers import epochs_text, short
from traindiag.reports.sanitise import sanitise, sanitise_lines


class JunitRenderer(Renderer):
    """One test case a run: ill is a failure, not judged is skipped, unreadable is an error.

    The type of a failure is its severity; its text holds evidence and remedies.
    """

    name: ClassVar[str] = "junit"
    suffixes: ClassVar[tuple[str, ...]] = (".xml",)

    def render(self, report: Report, options: Options = DEFAULT) -> str:
        """The XML document; no times and no host names, so that the same report gives the same bytes."""
        statuses = [run.verdict.status for run in report.runs]
        counts = {
            "tests": len(report.runs) + len(report.unreadable),
            "failures": statuses.count("ill"),
            "errors": len(report.unreadable),
            "skipped": statuses.count("unjudged"),
        }
        numbers = {key: str(value) for key, value in counts.items()}
        root = ET.Element("testsuites", {"name": "traindiag", **numbers})
        suite = ET.SubElement(root, "testsuite", {"name": "traindiag", **numbers})
        for run in report.runs:
            _case(suite, run)
        for each in report.unreadable:
            case = ET.SubElement(suite, "testcase", {"classname": "traindiag", "name": sanitise(each.path)})
            ET.SubElement(case, "error", {"type": "unreadable", "message": sanitise(each.message)})
        ET.indent(root)
        return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _case(suite: ET.Element, run: RunReport) -> None:
    attributes = {
        "classname": f"traindiag.{run.verdict.rule}",
        "name": sanitise(run.name),
        "file": sanitise(run.source.path),
    }
    case = ET.SubElement(suite, "testcase", attributes)
    verdict = run.verdict
    message = sanitise(f"{verdict.code} {verdict.rule}: {verdict.message}")
    if verdict.status == "ill":
        failure = ET.SubElement(case, "failure", {"type": verdict.severity.value, "message": message})
        failure.text = "\n".join(line for finding in run.findings for line in _lines(finding))
    elif verdict.status == "unjudged":
        ET.SubElement(case, "skipped", {"message": message})


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
