"""rules, explain and readers show what the docstrings say."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from traindiag.cli.app import build
from traindiag.cli.prose import Block, blocks
from traindiag.readers.base import all_readers
from traindiag.rules.base import all_rules

RUNNER = CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"})
APP = build(("rules", "explain", "readers"))
PAGE = """Verdict sentence,
on two lines.

Why it matters
    Because ``loss`` matters.

    Second paragraph.

Remedies:
    - one thing
      goes on
    - another

    Code follows::

        model.fit(x)

References
----------
Somebody, 1998.
"""


def _output(*arguments: str) -> str:
    done = RUNNER.invoke(APP, arguments)
    assert done.exit_code == 0, done.output
    return done.output


def test_pages_are_taken_apart() -> None:
    assert list(blocks(PAGE)) == [
        Block("paragraph", "Verdict sentence, on two lines."),
        Block("title", "Why it matters"),
        Block("paragraph", "Because ``loss`` matters."),
        Block("paragraph", "Second paragraph."),
        Block("title", "Remedies"),
        Block("item", "- one thing goes on"),
        Block("item", "- another"),
        Block("paragraph", "Code follows:"),
        Block("code", "model.fit(x)"),
        Block("title", "References"),
        Block("paragraph", "Somebody, 1998."),
    ]


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.name)
def test_every_rule_is_listed_and_explained(rule: type) -> None:
    listing = _output("rules")
    assert f"{rule.code}  {rule.name}" in listing
    page = _output("explain", rule.name)
    assert page == _output("explain", rule.code.lower())
    assert rule.summary() in " ".join(page.split())
    for option in rule.options():
        assert f"{option.name} = {option.default!r}" in page
    assert all(len(line) <= 80 for line in page.splitlines())


@pytest.mark.parametrize("rule", [rule for rule in all_rules() if rule.alone], ids=lambda rule: rule.name)
def test_every_explanation_ends_with_a_drawn_example(rule: type) -> None:
    page = _output("explain", rule.name)
    example = page.rpartition("\nExample\n")[2]
    assert example.startswith(next(iter(rule.fires_on())).name)
    assert "⣀" in example or "⠤" in example or "⡀" in example
    assert "\nSays: " in example


def test_a_rule_that_needs_two_runs_has_no_example() -> None:
    assert "\nExample\n" not in _output("explain", "regressed")


def test_the_example_is_of_the_metric_the_rule_is_about() -> None:
    assert "used up after a third of the run: learning_rate\n" in _output("explain", "learning-rate-schedule")


def test_rules_as_json() -> None:
    listed = json.loads(_output("rules", "--format", "json"))
    assert [each["code"] for each in listed] == [rule.code for rule in all_rules()]
    assert {"name", "severity", "status", "summary", "options"} <= set(listed[0])


def test_readers_say_how_they_recognise_a_file() -> None:
    listed = json.loads(_output("readers", "--format", "json"))
    text = _output("readers")
    assert {each["name"] for each in listed} == {reader.name for reader in all_readers()}
    for each in listed:
        assert each["page"]
        assert f"{each['name']}\n" in text
