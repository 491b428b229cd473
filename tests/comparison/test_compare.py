"""Comparisons: what is measured, and what is called worse, better, the same, or not to be told."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from traindiag.comparison.compare import compare_runs
from traindiag.comparison.intervals import half_width
from traindiag.comparison.shapes import Spread
from traindiag.model.convert import run_from_history
from traindiag.model.errors import UsageError
from traindiag.model.run import Run

EPOCH = np.arange(40)


def run(best: float, name: str = "run", epochs: int = 40, **extra: list[float]) -> Run:
    """A run whose val_loss falls from 2 to `best`, an epoch of which takes two seconds."""
    values = best + (2 - best) * np.exp(-EPOCH[:epochs] / 5)
    values[-1] = best
    history = {"loss": values.tolist(), "val_loss": values.tolist(), "epoch_time": [2.0] * epochs}
    return run_from_history(history | extra, name=name)


def seeds(*bests: float) -> list[Run]:
    return [run(best, f"seed-{number}") for number, best in enumerate(bests)]


def judgment(base: Sequence[Run], other: Sequence[Run], **options: float) -> str:
    return compare_runs({"base": base, "other": other}, **options).contrasts[0].judgment  # type: ignore[arg-type]


BASE = (0.500, 0.505, 0.495, 0.51, 0.49)
WORSE = (0.550, 0.555, 0.545, 0.56, 0.54)


@pytest.mark.parametrize(
    ("base", "other", "expected"),
    [
        (BASE, WORSE, "regressed"),
        (WORSE, BASE, "improved"),
        (BASE, tuple(reversed(BASE)), "same"),
        # A fifth of a percent is sure, and does not matter.
        ((0.5, 0.5, 0.5), (0.501, 0.501, 0.501), "same"),
        ((0.5, 0.5, 0.5), (0.51, 0.51, 0.51), "regressed"),
        ((0.3, 0.5, 0.7), (0.4, 0.6, 0.8), "cannot tell"),
        # One new run against the spread of the old ones.
        (BASE, (0.6,), "regressed"),
        (BASE, (0.51,), "same"),
        ((0.6,), BASE, "improved"),
        # One run each: seeds are taken to spread by 3 %.
        ((0.5,), (0.53,), "same"),
        ((0.5,), (0.6,), "regressed"),
        ((0.5,), (0.4,), "improved"),
        ((0.5,), (0.5,), "same"),
    ],
)
def test_judgments(base: tuple[float, ...], other: tuple[float, ...], expected: str) -> None:
    assert judgment(seeds(*base), seeds(*other)) == expected


@pytest.mark.parametrize("second", [WORSE, WORSE[:2], (*WORSE, 0.7)])
def test_intervals_are_those_of_scipy(second: tuple[float, ...]) -> None:
    contrast = compare_runs({"a": seeds(*BASE), "b": seeds(*second)}).contrasts[0]
    expected = stats.ttest_ind(second, BASE, equal_var=len(second) == len(BASE)).confidence_interval(0.98)
    assert contrast.interval == pytest.approx((expected.low, expected.high), rel=1e-4)


def test_seeds_that_spread_as_usual_need_not_show_it_alone() -> None:
    base, other = (0.5, 0.512, 0.488), (0.555, 0.57, 0.54)
    usual = compare_runs({"a": seeds(*base), "b": seeds(*other)}).contrasts[0]
    assert usual.judgment == "regressed"
    assert "seeds usually spread by" in usual.basis
    own = stats.ttest_ind(other, base).confidence_interval(0.98)
    assert own.low < usual.interval[0]
    # Two seeds tell nothing of their spread, three wild ones that they are not usual.
    for groups in ({"a": base[:2], "b": other[:2]}, {"a": (0.4, 0.5, 0.6), "b": (0.45, 0.55, 0.65)}):
        found = compare_runs({name: seeds(*bests) for name, bests in groups.items()}).contrasts[0]
        assert "usually" not in found.basis
        expected = stats.ttest_ind(groups["b"], groups["a"]).confidence_interval(0.98)
        assert found.interval == pytest.approx((expected.low, expected.high), rel=1e-4)


@pytest.mark.parametrize(("spread", "most"), [(0.01, 1.6), (0.03, 1.9), (0.06, 3.5), (0.2, 2.2)])
def test_the_same_setting_is_seldom_called_worse(spread: float, most: float) -> None:
    random, worse, trials = np.random.default_rng(0), 0, 2000
    for _ in range(trials):
        first, second = (Spread(values=tuple(1 + spread * random.standard_normal(3))) for _ in range(2))
        half, _ = half_width(first, second, (0.0, 0.0), 1.0)
        worse += second.mean - first.mean > half
    assert 100 * worse / trials <= most


def test_noisy_single_runs_cannot_be_told_apart() -> None:
    random = np.random.default_rng(0)
    noisy = [
        run_from_history(
            {"val_loss": (level + 0.1 * random.standard_normal(40)).tolist(), "loss": [1.0] * 40}
        )
        for level in (0.5, 0.6)
    ]
    assert judgment(noisy[:1], noisy[1:]) == "cannot tell"


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(0.3, 1.0), min_size=1, max_size=6),
    st.lists(st.floats(0.3, 1.0), min_size=1, max_size=6),
    st.sampled_from([1e-6, 1e-3, 1e4]),
)
def test_judgments_are_free_of_scale_and_fair_to_both_sides(
    first: list[float], second: list[float], factor: float
) -> None:
    def scaled(bests: list[float], by: float) -> list[Run]:
        runs = []
        for best in bests:
            values = (best + (2 - best) * np.exp(-EPOCH / 5)) * by
            runs.append(run_from_history({"loss": values.tolist(), "val_loss": values.tolist()}))
        return runs

    plain = judgment(scaled(first, 1), scaled(second, 1))
    assert judgment(scaled(first, factor), scaled(second, factor)) == plain
    swapped = judgment(scaled(second, 1), scaled(first, 1))
    # What is a fraction of the base's best depends on which is the base, so only the direction must turn.
    assert {plain, swapped} != {"regressed"}
    assert {plain, swapped} != {"improved"}


def test_more_is_better_for_accuracies() -> None:
    def accuracy(end: float) -> Run:
        values = (end - (end - 0.1) * np.exp(-EPOCH / 5)).tolist()
        return run(0.5, val_accuracy=values)

    groups = {
        "a": [accuracy(x) for x in (0.9, 0.905, 0.895)],
        "b": [accuracy(x) for x in (0.8, 0.805, 0.795)],
    }
    found = compare_runs(groups, metric="val_accuracy")
    assert found.mode == "max"
    assert found.contrasts[0].judgment == "regressed"
    assert found.contrasts[0].difference == pytest.approx(-0.1, abs=0.002)


def test_what_is_measured() -> None:
    found = compare_runs({"a": [run(0.5)], "b": [run(0.5, epochs=20)]}, target=1.0)
    first, second = found.groups
    assert first.best.values == (0.5,)
    assert first.final.values == (0.5,)
    assert found.shared == (0, 19)
    expected = 0.5 + 1.5 * np.exp(-EPOCH[:20] / 5)
    assert first.area.mean == pytest.approx(expected.mean())
    # 0.5 + 1.5 exp(-e / 5) is 1 or less from epoch 6 on: seven epochs of two seconds each.
    assert first.epochs.values == (7,)
    assert first.seconds.mean == 14
    assert (first.trained.mean, second.trained.mean) == (40, 20)


def test_the_default_target_is_near_the_end_of_the_base_s_gain() -> None:
    found = compare_runs({"a": seeds(*BASE), "b": seeds(*WORSE)})
    assert found.target == pytest.approx(0.5 + 0.05 * 1.5)
    assert found.groups[0].epochs.missing == 0


def test_a_target_never_reached_is_missing() -> None:
    found = compare_runs({"a": seeds(0.5), "b": seeds(0.9)}, target=0.6)
    assert found.groups[1].epochs.values == ()
    assert found.groups[1].epochs.missing == 1


def broken_run() -> Run:
    values = [*np.linspace(2, 0.5, 20).tolist(), math.nan]
    return run_from_history({"loss": values, "val_loss": values}, name="broken")


def test_runs_that_end_in_nan_are_worse_whatever_their_best() -> None:
    found = compare_runs({"a": seeds(*BASE), "b": [broken_run() for _ in range(3)]})
    assert found.contrasts[0].judgment == "regressed"
    assert "NaN" in found.contrasts[0].basis
    assert found.groups[1].broken == 3


def test_runs_that_lost_their_loss_are_worse_by_any_metric() -> None:
    def lost() -> Run:
        losses = [*np.linspace(2, 0.5, 39).tolist(), math.nan]
        return run_from_history({"loss": losses, "val_loss": losses, "val_accuracy": [0.9] * 40})

    fine = [run(0.5, val_accuracy=[0.9] * 40) for _ in range(3)]
    found = compare_runs({"a": fine, "b": [lost() for _ in range(3)]}, metric="val_accuracy")
    assert found.contrasts[0].judgment == "regressed"


def test_one_broken_seed_is_told_and_left_out_of_the_final() -> None:
    found = compare_runs({"a": seeds(*BASE), "b": [*seeds(*BASE), broken_run()]})
    assert found.contrasts[0].judgment == "same"
    assert found.groups[1].final.missing == 1
    assert found.groups[1].broken == 1


def test_nothing_finite_cannot_be_told() -> None:
    nothing = run_from_history({"loss": [1.0] * 8, "val_loss": [math.nan] * 8})
    found = compare_runs({"a": [nothing], "b": [nothing]})
    assert found.contrasts[0].judgment == "cannot tell"
    assert found.contrasts[0].basis == "no finite value"


def test_negative_losses_are_compared_by_their_gain() -> None:
    def likelihood(end: float) -> Run:
        values = (end + (2 - end) * np.exp(-EPOCH / 3)).tolist()
        return run_from_history({"loss": values, "val_loss": values})

    base = [likelihood(x) for x in (-3.0, -3.02, -2.98)]
    assert judgment(base, [likelihood(x) for x in (-2.5, -2.52, -2.48)]) == "regressed"
    assert judgment(base, [likelihood(x) for x in (-3.01, -3.02, -2.99)]) == "same"


def test_advice_says_how_many_seeds_would_tell() -> None:
    contrast = compare_runs({"a": seeds(0.45, 0.5, 0.55), "b": seeds(0.46, 0.5, 0.54)}).contrasts[0]
    assert contrast.judgment == "cannot tell"
    assert "about 13 seeds of each would narrow" in contrast.advice


def test_without_validation_the_loss_is_compared() -> None:
    only = run_from_history({"loss": (0.5 + np.exp(-EPOCH / 5)).tolist()})
    assert compare_runs({"a": [only], "b": [only]}).metric == "loss"


@pytest.mark.parametrize(
    ("groups", "options", "told"),
    [
        ({"a": [run(0.5)]}, {}, "nothing to compare with"),
        ({"a": [run(0.5)], "b": [run(0.5)]}, {"base": "c"}, "no group 'c'"),
        ({"a": [run(0.5)], "b": [run(0.5)]}, {"metric": "val_los"}, "did you mean val_loss"),
        ({"a": [run(0.5)], "b": [run(0.5)]}, {"metric": "epoch_time"}, "--mode"),
        ({"a": [run_from_history({"f1": [0.5]})], "b": [run(0.5)]}, {}, "a: val_loss is not logged"),
        ({"a": [run_from_history({"f1": [0.5]})] * 2, "b": [run_from_history({"f1": [1]})]}, {}, "--metric"),
    ],
)
def test_wrong_use(groups: Mapping[str, list[Run]], options: dict[str, str], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        compare_runs(groups, **options)  # type: ignore[arg-type]
    assert told in str(caught.value)


def test_python_api_takes_runs_histories_and_seeds() -> None:
    import traindiag

    history = {"loss": [1.0, 0.6, 0.55], "val_loss": [1.0, 0.7, 0.6]}
    found = traindiag.compare({"a": history, "b": [run(0.5), run(0.51)]}, base="b")
    assert found.base.name == "b"
    assert found.contrasts[0].group == "a"
    assert traindiag.compare({"a": history, "b": history}).contrasts[0].judgment == "same"
    assert "<table>" in (found._repr_html_() or "")
    assert traindiag.render(found, "markdown").startswith("## traindiag: val_loss against b")
    assert max(map(len, traindiag.render(found, width=60).splitlines())) <= 60
