from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom

from traindiag.analysis.effort import named_params
from traindiag.analysis.separation import fisher, separations


@given(one=st.integers(0, 60), other=st.integers(0, 60), rest=st.integers(0, 80), data=st.data())
@settings(max_examples=150, deadline=None)
def test_fisher_is_twice_the_tail_of_the_hypergeometric_distribution(
    one: int, other: int, rest: int, data: st.DataObject
) -> None:
    total = max(one, other) + rest
    if total == 0:
        return
    both = data.draw(st.integers(max(0, one + other - total), min(one, other)))
    law = hypergeom(total, one, other)
    upper = both >= one * other / total
    tail = law.sf(both - 1) if upper else law.cdf(both)
    assert fisher(both, one, other, total) == pytest.approx(min(1.0, 2 * tail), rel=1e-6, abs=1e-12)


def test_the_parameter_that_matters_is_found_and_the_others_are_not() -> None:
    rng = np.random.default_rng(0)
    runs = []
    for number in range(400):
        rate = float(rng.choice([1e-3, 1e-2, 0.1, 1.0]))
        params = {
            "lr": rate,
            "bs": float(rng.choice([16, 32, 64])),
            "seed": float(number),
            "opt": str(rng.choice(["adam", "sgd"])),
        }
        runs.append((bool(rng.random() < (0.8 if rate >= 0.1 else 0.1)), params))
    [found] = separations(runs)
    assert (found.name, found.value, found.is_limit) == ("lr", 0.1, True)
    assert found.difference == pytest.approx(0.7, abs=0.1)
    assert found.of_yes + found.of_no == 400


def test_words_and_truth_values() -> None:
    runs = [
        (number % 3 == 0, {"opt": ("sgd", "adam", "lion")[number % 3], "amp": number % 3 == 0})
        for number in range(60)
    ]
    found = {each.name: each for each in separations(runs)}  # type: ignore[arg-type]
    assert (found["opt"].value, found["opt"].ill_yes, found["opt"].ill_no) == ("sgd", 20, 0)
    assert abs(found["amp"].difference) == 1


def test_chance_and_few_runs_tell_nothing() -> None:
    rng = np.random.default_rng(1)
    noise = [
        (bool(rng.random() < 0.5), {f"p{i}": float(rng.random()) for i in range(20)}) for _ in range(200)
    ]
    assert separations(noise) == []
    assert separations([(number < 4, {"lr": float(number < 4)}) for number in range(8)]) == []
    assert separations([(True, {"lr": 0.1}), *[(False, {"name": str(i)}) for i in range(50)]]) == []


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("lr=0.1_bs=32", {"lr": 0.1, "bs": 32}),
        ("sweep/lr=1e-3-bs=64,opt=adam/run1", {"lr": 1e-3, "bs": 64, "opt": "adam"}),
        ("batch_size=32_lr=0.5", {"batch_size": 32, "lr": 0.5}),
        ("exp_lr0.1_bs32_seed-3", {"lr": 0.1, "bs": 32, "seed": 3}),
        ("model=resnet18/fold=2", {"model": "resnet18", "fold": 2}),
        ("run-00017", {}),
        ("alr0.1", {}),
    ],
)
def test_parameters_in_names(name: str, params: dict[str, object]) -> None:
    assert dict(named_params(name)) == params
