"""JUnit's document around test cases."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree as ET

from traindiag.model.report import Unreadable
from traindiag.reports.sanitise import sanitise


def add_unreadable(suite: ET.Element, unreadable: Iterable[Unreadable]) -> None:
    """A test case that ends in an error for every file that could not be read."""
    for each in unreadable:
        case = ET.SubElement(suite, "testcase", {"classname": "traindiag", "name": sanitise(each.path)})
        ET.SubElement(case, "error", {"type": "unreadable", "message": sanitise(each.message)})


def document(suite: ET.Element) -> str:
    """The XML of a suite with its counts; no times and no host names: the same cases give the same bytes."""
    numbers = {
        "tests": str(len(suite)),
        "failures": str(len(suite.findall("testcase/failure"))),
        "errors": str(len(suite.findall("testcase/error"))),
        "skipped": str(len(suite.findall("testcase/skipped"))),
    }
    suite.attrib.update(numbers)
    root = ET.Element("testsuites", {"name": suite.get("name", ""), **numbers})
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"
