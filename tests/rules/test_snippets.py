"""Every snippet of every remedy runs, against a tiny Keras model."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from traindiag.diagnosis import diagnose_run
from traindiag.rules.base import all_rules

pytestmark = pytest.mark.keras
MAX_EPOCHS = 1


def snippets() -> Iterator[tuple[str, str, str]]:
    """(rule, action, snippet) of every remedy that any rule's examples bring out, each snippet once."""
    seen = set()
    for rule in all_rules():
        for example in [*rule.fires_on(), *rule.silent_on()]:
            for finding in diagnose_run(example.run()).findings:
                for remedy in finding.remedies:
                    if remedy.snippet and remedy.snippet not in seen:
                        seen.add(remedy.snippet)
                        yield finding.rule, remedy.action, remedy.snippet


class ShortFit(ast.NodeTransformer):
    """Fills the ``...`` of a call to fit with data, and cuts its epochs down: what is tested is the code."""

    def visit_Call(self, call: ast.Call) -> ast.AST:
        self.generic_visit(call)
        if not (isinstance(call.func, ast.Attribute) and call.func.attr == "fit"):
            return call
        given = [arg for arg in call.args if not (isinstance(arg, ast.Constant) and arg.value is ...)]
        call.args = given or [ast.Name("x", ast.Load()), ast.Name("y", ast.Load())]
        first = next((k.value for k in call.keywords if k.arg == "initial_epoch"), ast.Constant(0))
        call.keywords = [k for k in call.keywords if k.arg not in ("epochs", "verbose")]
        end = ast.BinOp(first, ast.Add(), ast.Constant(MAX_EPOCHS))
        call.keywords += [ast.keyword("epochs", end), ast.keyword("verbose", ast.Constant(0))]
        return call


def prepared(snippet: str) -> Any:
    return compile(ast.fix_missing_locations(ShortFit().visit(ast.parse(snippet))), "<snippet>", "exec")


def compiled(model: Any) -> None:
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """What a reader of the snippet has at hand: a compiled model and data."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    keras = pytest.importorskip("keras")
    tensorflow = pytest.importorskip("tensorflow")
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.layers.Input((8,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(3, "softmax")]
    )
    compiled(model)
    x = np.random.default_rng(0).normal(size=(64, 8)).astype("float32")
    y = np.arange(64) % 3
    train_data = tensorflow.data.Dataset.from_tensor_slices((x, y)).batch(32)
    return {
        "keras": keras,
        "np": np,
        "model": model,
        "x": x,
        "y": y,
        "x_val": x[:16],
        "y_val": y[:16],
        "train_data": train_data,
    }


@pytest.mark.parametrize(("rule", "action", "snippet"), list(snippets()))
def test_snippet_runs(
    names: dict[str, Any],
    rule: str,
    action: str,
    snippet: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(prepared(snippet), dict(names))
    if "compile" in snippet:
        compiled(names["model"])


def test_every_rule_of_illness_says_what_to_do() -> None:
    """A finding without a remedy is a complaint; a gap in a log is the one that nothing can be done about."""
    without = {
        finding.rule
        for rule in all_rules()
        if rule.status == "ill"
        for example in rule.fires_on()
        for finding in diagnose_run(example.run()).findings
        if finding.rule == rule.name and not finding.remedies
    }
    assert without <= {"missing-values", "too-short"}
