"""The JSON format keeps to its published schema."""

from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
import pytest
from handmade_reports import HOSTILE, hostile_report, many_runs, mixed_report, non_finite
from strict_schema import strict

from traindiag.model.report import Report
from traindiag.reports.base import render


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    text = files("traindiag.reports").joinpath("schemas/report-1.schema.json").read_text(encoding="utf-8")
    schema = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("report", [mixed_report(), hostile_report(), many_runs(12), Report(runs=())])
def test_output_is_valid(validator: jsonschema.Draft202012Validator, report: Report) -> None:
    validator.validate(json.loads(render(report, "json")))


def test_schema_names_every_field(validator: jsonschema.Draft202012Validator) -> None:
    narrow = jsonschema.Draft202012Validator(strict(validator.schema))
    document = json.loads(render(mixed_report(), "json"))
    # `details` maps free names to text: it alone stays open, and has no `properties`.
    narrow.validate(document)


def test_schema_refuses_a_wrong_status(validator: jsonschema.Draft202012Validator) -> None:
    document = json.loads(render(mixed_report(), "json"))
    document["runs"][0]["verdict"]["status"] = "fine"
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(document)


def test_fields_are_those_of_the_design() -> None:
    run = json.loads(render(mixed_report(), "json"))["runs"][0]
    assert run["verdict"] == {
        "rule": "overfitting",
        "code": "TD101",
        "status": "ill",
        "severity": "error",
        "confidence": 0.97,
        "message": "Validation loss has risen since epoch 17 while training loss still falls.",
    }
    assert run["best"]["monitor"] == "val_loss"
    assert run["best"]["epoch"] == 17
    assert run["findings"][0]["evidence"][0] == {
        "series": "val/loss",
        "epochs": [17, 59],
        "observed": 0.51,
        "threshold": 0.05,
        "note": "rise above the best",
    }
    assert run["source"]["also"] == ["logs/overfit-a/history.json"]
    assert "curves" not in run


def test_non_finite_numbers_are_named() -> None:
    text = render(Report(runs=(non_finite(),)), "json")
    run = json.loads(text, parse_constant=pytest.fail)["runs"][0]
    assert run["findings"][0]["evidence"][0]["observed"] == "NaN"
    assert run["source"]["damage"][0]["place"] == "line 17"


def test_only_ascii_and_nothing_lost() -> None:
    text = render(hostile_report(), "json")
    assert text.isascii()
    assert "\x1b" not in text
    assert json.loads(text)["runs"][0]["name"] == HOSTILE


def test_same_report_same_bytes() -> None:
    assert render(mixed_report(), "json") == render(mixed_report(), "json")
