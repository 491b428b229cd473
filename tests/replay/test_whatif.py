"""What-if outcomes: what is kept, lost and saved, options, and numbers that are known by hand."""

import json

import pytest

from traindiag.model.convert import run_from_history
from traindiag.model.errors import UsageError
from traindiag.model.run import Run, Source
from traindiag.replay.options import parse_policy
from traindiag.replay.policies.checkpoint import ModelCheckpoint
from traindiag.replay.policies.early_stopping import EarlyStopping
from traindiag.replay.policies.reduce_lr import ReduceLROnPlateau
from traindiag.replay.policies.schedule import Schedule
from traindiag.replay.policies.terminate_on_nan import TerminateOnNaN
from traindiag.replay.whatif import what_if
from traindiag.replay.whatif_json import what_if_json
from traindiag.replay.whatif_text import what_if_text
from traindiag.reports.base import Options

VALLEY = [5.0, 4.0, 3.0, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0]


def valley(**more):
    return run_from_history({"loss": [1.0] * 10, "val_loss": VALLEY, **more})


def test_stops_keeps_and_loses():
    outcome = what_if(valley(), [EarlyStopping(patience=2)])
    assert (outcome.stop_epoch, outcome.kept_epoch, outcome.trained) == (5, 5, 6)
    assert outcome.lost == 1.0
    assert outcome.best is not None
    assert (outcome.best.epoch, outcome.best.value) == (3, 2.0)
    assert outcome.seconds_saved is None


def test_restoring_or_saving_the_best_loses_nothing():
    restored = what_if(valley(), [EarlyStopping(patience=2, restore_best_weights=True)])
    saved = what_if(valley(), [EarlyStopping(patience=2), ModelCheckpoint(save_best_only=True)])
    assert (restored.kept_epoch, restored.lost) == (3, 0.0)
    assert (saved.checkpoint_epoch, saved.saved, saved.lost, saved.kept_epoch) == (3, 4, 0.0, 5)


def test_money_and_hours_are_those_of_the_epochs_after_the_stop():
    frame = valley().frame
    frame = frame.assign(wall_time=frame["epoch"].astype(float) * 1800 + 1e9)
    run = Run(name="timed", source=Source(path="timed", reader="memory"), frame=frame)
    outcome = what_if(run, [EarlyStopping(patience=2)], cost_per_hour=3.0)
    assert outcome.seconds == pytest.approx(10 * 1800)
    assert outcome.seconds_saved == pytest.approx(4 * 1800)
    assert outcome.cost_saved == pytest.approx(6.0)


def test_a_lower_rate_is_another_way_but_the_recorded_one_is_not():
    reduce = ReduceLROnPlateau(patience=2, factor=0.5)
    unknown = what_if(valley(), [reduce])
    assert not unknown.rate_known
    assert unknown.other_way_from == 6
    same = what_if(valley(learning_rate=[0.1] * 6 + [0.05] * 2 + [0.025] * 2), [reduce])
    assert [(each.epoch, each.after) for each in same.rates[:2]] == [
        (5, pytest.approx(0.05)),
        (7, pytest.approx(0.025)),
    ]
    assert same.other_way_from is None


def test_nan_ends_it():
    run = run_from_history({"loss": [1.0, float("nan"), 1.0], "val_loss": [1.0, 2.0, 3.0]})
    outcome = what_if(run, [TerminateOnNaN()])
    assert (outcome.stop_epoch, outcome.stopped_by) == (1, "TerminateOnNaN")


def test_absent_monitor_is_a_warning_as_in_keras():
    outcome = what_if(run_from_history({"loss": [3.0, 2.0, 1.0]}), [EarlyStopping()])
    assert outcome.stop_epoch == 2
    assert "not logged" in outcome.warnings[0]
    assert {each.code for each in outcome.audit} == {"TD701"}


def test_policies_act_in_the_order_given_and_stop_together():
    outcome = what_if(valley(), [ReduceLROnPlateau(patience=2), EarlyStopping(patience=2)])
    assert [each.epoch for each in outcome.rates] == [5]
    assert outcome.stop_epoch == 5
    assert any("before the lower rate" in each.message for each in outcome.audit)


def test_options_are_read_by_their_types():
    policy = parse_policy(
        EarlyStopping, "patience=5, min_delta=1e-3,restore_best_weights,baseline=none", "--x"
    )
    assert policy == EarlyStopping(patience=5, min_delta=1e-3, restore_best_weights=True)
    schedule = parse_policy(Schedule, "step:drop=0.1,every=3", "--schedule", first="kind")
    assert schedule == Schedule(kind="step", drop=0.1, every=3)
    assert parse_policy(Schedule, "cosine", "--schedule", first="kind").kind == "cosine"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("patince=5", "did you mean patience"),
        ("patience=five", "not a whole number"),
        ("mode=upwards", "mode cannot be"),
        ("min_delta=much", "not a number"),
        ("restore_best_weights=perhaps", "not true or false"),
    ],
)
def test_wrong_options_are_named(text, said):
    with pytest.raises(UsageError, match=said):
        parse_policy(EarlyStopping, text, "--early-stopping")


def test_wrong_values_of_callbacks_are_named():
    with pytest.raises(UsageError, match="factor"):
        parse_policy(ReduceLROnPlateau, "factor=2", "--reduce-lr")
    with pytest.raises(UsageError, match="every=0"):
        parse_policy(Schedule, "step:every=0", "--schedule", first="kind")
    with pytest.raises(UsageError, match="no callback"):
        what_if(valley(), [])


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("ascii", [False, True])
def test_text_fits_and_says_what_matters(width, ascii):
    run = valley()
    outcome = what_if(run, [EarlyStopping(patience=2), ReduceLROnPlateau(patience=1)], cost_per_hour=2)
    curve = next(curve for curve in run.curves() if curve.split == "val")
    text = what_if_text([outcome], [curve], Options(width=width, ascii=ascii))
    assert max(map(len, text.splitlines())) <= width
    assert "after epoch 5" in text
    assert "another way" in " ".join(text.split())
    assert text.isascii() or not ascii


def test_json_is_plain_and_complete():
    run = run_from_history({"loss": [1.0, float("nan")], "val_loss": [float("nan")] * 2})
    document = json.loads(what_if_json([what_if(run, [TerminateOnNaN()])]))
    assert document["schema"] == "traindiag.whatif/1"
    assert document["runs"][0]["stop_epoch"] == 1
    assert document["runs"][0]["best"] is None
