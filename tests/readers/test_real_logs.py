"""Every file of the collection of real logs: read with the points and metrics of its index, or refused."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from traindiag.model.names import split_and_metric
from traindiag.readers.discover import find_runs

LOGS = Path(__file__).parents[2] / "../shared/data/real_logs"
INDEX = LOGS / "INDEX.csv"
pytestmark = pytest.mark.skipif(not INDEX.exists(), reason="the collection of real logs is not here")

ROWS = list(csv.DictReader(INDEX.read_text("utf-8").splitlines())) if INDEX.exists() else []
REFUSED = {
    "2zuxwf70/files/output.log": "W&B's copy of the console: TensorFlow messages and a traceback",
    "wandb-summary.json": "last values only: the history is in the .wandb file",
    "run-2zuxwf70.wandb": "failed at its start, logged nothing",
    "profile-empty": "an event file without events",
}
OTHER_POINTS = {
    # The index counts them as 0: it had no reader for the format.
    "run-3ojed7lz.wandb": 862,
    # 15 epochs and their 60 batches, the training and development losses with rate and score.
    "compare-nlp-models/training.log": 75,
    "3ojed7lz/files/output.log": 863,
}
AXES = {"step", "(index)", "epoch", "", "iteration"}


def expected_refusal(path: str) -> bool:
    return any(path.endswith(end) for end in REFUSED)


def rows_of(runs) -> int:
    """The most values any series has, over all runs of a file (the index counts rows)."""
    sizes = [run.frame.groupby(["split", "metric"], observed=True).size() for run in runs]
    # Lightning writes a row for a step and one for an epoch: both are rows to the index.
    return sum(
        size["train", "loss"] + size["train", "loss_step"]
        if ("train", "loss_step") in size.index
        else size.max()
        for size in sizes
    )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["path"])
def test_points_and_metrics_are_those_of_the_index(row):
    path = LOGS / row["path"]
    found = find_runs([path])
    if expected_refusal(row["path"]):
        assert found.runs == ()
        [entry] = found.unreadable
        assert ";" in entry.message
        return
    assert found.unreadable == ()
    points = rows_of(found.runs)
    assert points == next(
        (n for end, n in OTHER_POINTS.items() if row["path"].endswith(end)), int(row["n_points"])
    )
    if "in all" in row["metrics"] or row["n_points"] == "0":
        return
    got = {
        (split, metric)
        for run in found.runs
        for split, metric in run.frame[["split", "metric"]].drop_duplicates().itertuples(index=False)
    }
    assert len(got) == len({name for name in row["metrics"].split("|") if name not in AXES})


def test_the_whole_collection_at_once():
    found = find_runs([LOGS])
    names = [run.name for run in found.runs]
    assert len(set(names)) == len(names)
    assert all("reader failed" not in entry.message for entry in found.unreadable)
    # Every file that holds a run is in exactly one run.
    files = [path for run in found.runs for path in (run.source.path, *run.source.also)]
    assert len(found.runs) >= 45
    assert len([name for name in files if name.endswith(".csv")]) == len(
        {n for n in files if n.endswith(".csv")}
    )


def test_known_readings():
    [two] = find_runs([LOGS / "other/jannenev__compare-nlp-models/loss.tsv"]).runs
    assert two.wide()["val_loss"].iloc[0] == 0.6743201017379761
    [hf] = find_runs([LOGS / "hf_trainer_state/aigoncharov__trainer_state_viz"]).runs
    assert hf.wide()["val_g1_loss"].iloc[-1] == pytest.approx(4.1, abs=0.2)
    assert split_and_metric("eval_g0_loss") == ("val", "g0_loss")
