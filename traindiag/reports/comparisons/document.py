"""Comparisons as plain dicts and lists, in the shape of the schema ``traindiag.comparison/1``."""

from __future__ import annotations

from typing import Any

from traindiag.comparison.shapes import Comparison, ComparisonReport, Contrast, Group, Spread
from traindiag.reports.numbers import json_number

SCHEMA = "traindiag.comparison/1"


def document_of(report: ComparisonReport) -> dict[str, Any]:
    """All comparisons; NaN and infinities are strings."""
    return {
        "schema": SCHEMA,
        "version": report.version,
        "comparisons": [_comparison(each) for each in report.comparisons],
        "unreadable": [{"path": each.path, "message": each.message} for each in report.unreadable],
    }


def _comparison(each: Comparison) -> dict[str, Any]:
    return {
        "metric": each.metric,
        "mode": each.mode,
        "axis": each.axis,
        "base": each.base.name,
        "target": json_number(each.target),
        "least": json_number(each.least),
        "resolution": json_number(each.resolution),
        "shared": list(each.shared),
        "groups": [_group(group) for group in each.groups],
        "contrasts": [_contrast(contrast) for contrast in each.contrasts],
    }


def _group(group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "runs": list(group.runs),
        "paths": list(group.paths),
        "best": _spread(group.best),
        "final": _spread(group.final),
        "area": _spread(group.area),
        "epochs_to_target": _spread(group.epochs),
        "seconds_to_target": _spread(group.seconds),
        "epochs": _spread(group.trained),
        "not_finite": group.broken,
    }


def _spread(spread: Spread) -> dict[str, Any]:
    return {
        "mean": json_number(spread.mean),
        "deviation": json_number(spread.deviation),
        "values": [json_number(value) for value in spread.values],
        "missing": spread.missing,
    }


def _contrast(contrast: Contrast) -> dict[str, Any]:
    rule = {"rule": "regressed", "code": "TD801"} if contrast.judgment == "regressed" else {}
    return {
        "group": contrast.group,
        "verdict": contrast.judgment,
        **rule,
        "difference": json_number(contrast.difference),
        "relative": json_number(contrast.relative),
        "interval": [json_number(each) for each in contrast.interval],
        "basis": contrast.basis,
        "advice": contrast.advice,
    }
