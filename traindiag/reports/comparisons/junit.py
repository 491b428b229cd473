"""JUnit XML: one test case a group and metric, for the test pages of CI systems."""

from __future__ import annotations

from typing import ClassVar
from xml.etree import ElementTree as ET

from traindiag.comparison.shapes import Comparison, ComparisonReport, Contrast, Group
from traindiag.reports.base import DEFAULT, Options
from traindiag.reports.comparisons.base import ComparisonRenderer
from traindiag.reports.comparisons.words import contrasts, headline, told
from traindiag.reports.sanitise import sanitise
from traindiag.reports.testsuite import add_unreadable, document


class JunitRenderer(ComparisonRenderer):
    """One test case a group, "no worse than the base": regressed fails, cannot tell is skipped, the rest passes."""

    name: ClassVar[str] = "junit"
    suffixes: ClassVar[tuple[str, ...]] = (".xml",)

    def render(self, report: ComparisonReport, options: Options = DEFAULT) -> str:
        """The XML document."""
        suite = ET.Element("testsuite", {"name": "traindiag compare"})
        for comparison, contrast, group in contrasts(report):
            _case(suite, comparison, contrast, group)
        add_unreadable(suite, report.unreadable)
        return document(suite)


def _case(suite: ET.Element, comparison: Comparison, contrast: Contrast, group: Group) -> None:
    attributes = {
        "classname": sanitise(f"traindiag.compare.{comparison.metric}"),
        "name": sanitise(f"{group.name} against {comparison.base.name}"),
        "file": sanitise(group.paths[0]),
    }
    case = ET.SubElement(suite, "testcase", attributes)
    text = "\n".join(map(sanitise, told(comparison, contrast, group)))
    message = sanitise(headline(contrast, comparison))
    if contrast.judgment == "regressed":
        failure = ET.SubElement(case, "failure", {"type": "regressed", "message": f"TD801 {message}"})
        failure.text = text
        return
    if contrast.judgment == "cannot tell":
        ET.SubElement(case, "skipped", {"message": message})
    ET.SubElement(case, "system-out").text = text
