"""A run's report as JSON and back, exactly: every float as it was, every curve to the bit.

The public JSON format rounds and leaves the curves out. This one is for the cache, which must give back what was put
in. It holds plain values only: reading it runs no code, whatever somebody wrote into it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from traindiag.budgets import Measured
from traindiag.held import Held
from traindiag.model.curve import Curve
from traindiag.model.effort import Effort
from traindiag.model.finding import Evidence, Finding, Outcome, Remedy, Severity, Verdict
from traindiag.model.report import Best, RunReport, Unreadable
from traindiag.model.run import Damage, Source
from traindiag.model.trend import Trend


def encoded(run: RunReport) -> dict[str, Any]:
    """The report as dicts, lists, strings and numbers; NaN and infinities stay floats."""
    source = run.source
    return {
        "name": run.name,
        "source": {
            "path": source.path,
            "reader": source.reader,
            "digest": source.digest,
            "also": list(source.also),
            "damage": [_fields(each) for each in source.damage],
            "details": dict(source.details),
        },
        "epochs": run.epochs,
        "metrics": list(run.metrics),
        "splits": list(run.splits),
        "verdict": _fields(run.verdict),
        "best": None if run.best is None else _fields(run.best),
        "trends": [_fields(each) for each in run.trends],
        "findings": [_finding(each) for each in run.findings],
        "skipped": [_outcome(each) for each in run.skipped],
        "errored": [_outcome(each) for each in run.errored],
        "curves": [_curve(each) for each in run.curves],
        "effort": None if run.effort is None else _fields(run.effort),
        "params": dict(run.params),
    }


def decoded(document: Mapping[str, Any], *, curves: bool = True) -> RunReport:
    """The report that was encoded; without its curves where they are not needed.

    Raises:
        ValueError: the document has not this shape.
    """
    try:
        return _decoded(document, curves)
    except (KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise ValueError(f"no report: {error}") from error


def encoded_held(run: Held) -> dict[str, Any]:
    """A run that was held against settings; what is set for it is not kept, for the settings say it again."""
    return {
        "report": encoded(run.report),
        "was_judged": run.was_judged,
        "measured": {text: each and _fields(each) for text, each in run.measured.items()},
        "names": list(run.names),
    }


def decoded_held(document: Mapping[str, Any], *, curves: bool = True) -> Held:
    """The run that was encoded, without what is set for it.

    Raises:
        ValueError: the document has not this shape.
    """
    report = decoded(document["report"], curves=curves)
    try:
        return Held(
            report=report,
            was_judged=bool(document["was_judged"]),
            measured={text: each and _measured_from(each) for text, each in document["measured"].items()},
            names=tuple(map(_text, document["names"])),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no report: {error}") from error


def encoded_unreadable(each: Unreadable) -> list[str]:
    """Path and message."""
    return [each.path, each.message]


def _fields(item: Any) -> dict[str, Any]:
    return {name: _plain(getattr(item, name)) for name in item.__slots__}


def _plain(value: Any) -> Any:
    if isinstance(value, Severity):
        return value.value
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value.item() if isinstance(value, np.generic) else value


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        **_fields(finding),
        "evidence": [_fields(each) for each in finding.evidence],
        "remedies": [_fields(each) for each in finding.remedies],
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {"rule": outcome.rule, "status": outcome.status, "reason": outcome.reason}


def _curve(curve: Curve) -> dict[str, Any]:
    """Epochs that count up and counts that are all one are not written out."""
    regular = len(curve) == 0 or bool(np.array_equal(curve.epoch, np.arange(len(curve)) + curve.epoch[0]))
    return {
        "metric": curve.metric,
        "split": curve.split,
        "mode": curve.mode,
        "axis": curve.axis,
        "restarts": curve.restarts,
        "value": _packed(curve.value),
        "first": int(curve.epoch[0]) if regular and len(curve) else None,
        "epoch": None if regular else _packed(curve.epoch),
        "count": None if bool((curve.count == 1).all()) else _packed(curve.count),
    }


def _packed(array: np.ndarray[Any, Any]) -> str:
    kind = "<f8" if array.dtype.kind == "f" else "<i8"
    return base64.b64encode(np.ascontiguousarray(array, dtype=kind).tobytes()).decode("ascii")


def _unpacked(text: str, kind: str) -> np.ndarray[Any, Any]:
    return np.frombuffer(base64.b64decode(text, validate=True), dtype=kind).astype(kind[1:])


def _decoded(document: Mapping[str, Any], curves: bool) -> RunReport:
    source = document["source"]
    return RunReport(
        name=_text(document["name"]),
        source=Source(
            path=_text(source["path"]),
            reader=_text(source["reader"]),
            digest=_text(source["digest"]),
            also=tuple(source["also"]),
            damage=tuple(Damage(**each) for each in source["damage"]),
            details=MappingProxyType(dict(source["details"])),
        ),
        epochs=int(document["epochs"]),
        metrics=tuple(document["metrics"]),
        splits=tuple(document["splits"]),
        verdict=Verdict(**_with_severity(document["verdict"])),
        best=None if document["best"] is None else Best(**document["best"]),
        trends=tuple(_trend(each) for each in document["trends"]),
        findings=tuple(_finding_from(each) for each in document["findings"]),
        skipped=tuple(Outcome(**each) for each in document["skipped"]),
        errored=tuple(Outcome(**each) for each in document["errored"]),
        curves=tuple(_curve_from(each) for each in document["curves"]) if curves else (),
        effort=None if document["effort"] is None else Effort(**document["effort"]),
        params=dict(document["params"]),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _with_severity(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {**fields, "severity": Severity(fields["severity"])}


def _trend(fields: Mapping[str, Any]) -> Trend:
    return Trend(**{**fields, "interval": tuple(fields["interval"]), "epochs": tuple(fields["epochs"])})


def _finding_from(fields: Mapping[str, Any]) -> Finding:
    evidence = tuple(Evidence(**{**each, "epochs": tuple(each["epochs"])}) for each in fields["evidence"])
    remedies = tuple(Remedy(**each) for each in fields["remedies"])
    return Finding(**{**_with_severity(fields), "evidence": evidence, "remedies": remedies})


def _measured_from(fields: Mapping[str, Any]) -> Measured:
    return Measured(**{**fields, "epochs": tuple(fields["epochs"])})


def _curve_from(fields: Mapping[str, Any]) -> Curve:
    value = _unpacked(fields["value"], "<f8")
    first = fields["first"]
    epoch = (
        _unpacked(fields["epoch"], "<i8")
        if fields["epoch"] is not None
        else np.arange(len(value), dtype=np.int64) + (first or 0)
    )
    count = np.ones(len(value), np.int64) if fields["count"] is None else _unpacked(fields["count"], "<i8")
    if len(epoch) != len(value) or len(count) != len(value):
        raise ValueError("curves of different lengths")
    return Curve(
        metric=fields["metric"],
        split=fields["split"],
        mode=fields["mode"],
        epoch=epoch,
        value=value,
        count=count,
        axis=fields["axis"],
        restarts=fields["restarts"],
    )
