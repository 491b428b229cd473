"""Logs of several fits of one training: the whole in one file, only the last fit in another."""

from __future__ import annotations

import itertools
import json
import time

import event_bytes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traindiag.diagnosis import diagnose_run
from traindiag.readers.discover import find_runs


def history(seed=0, epochs=30, noise=0.02):
    random = np.random.default_rng(seed)
    falling = 2.3 * np.exp(-np.arange(epochs) / 6) + 0.2
    return {
        name: [float(np.float32(value)) for value in falling + random.normal(0, noise, epochs)]
        for name in ("loss", "val_loss")
    }


def part(run, start, stop=None):
    return {name: column[start:stop] for name, column in run.items()}


def as_csv(run, epochs=None):
    rows = zip(epochs or range(len(run["loss"])), *run.values(), strict=True)
    return "\n".join([f"epoch,{','.join(run)}", *(",".join(map(repr, row)) for row in rows)]) + "\n"


def appended(run, *seams):
    """What CSVLogger(append=True) holds after fits that each count from zero."""
    edges = (0, *seams, len(run["loss"]))
    return as_csv(run, [epoch for a, b in itertools.pairwise(edges) for epoch in range(b - a)])


def as_console(run):
    epochs = len(run["loss"])
    return "".join(
        f"Epoch {i + 1}/{epochs}\n10/10 - 1s - 100ms/step - "
        + " - ".join(f"{name}: {column[i]:.4f}" for name, column in run.items())
        + "\n"
        for i in range(epochs)
    )


def write_events(write, folder, run, number=0):
    for split, names in (("train", ["loss"]), ("validation", ["val_loss"])):
        points = [
            (f"epoch_{name[-4:]}", epoch, value) for name in names for epoch, value in enumerate(run[name])
        ]
        begin = 1_700_000_000 + 1000 * number
        write(
            f"{folder}/{split}/events.out.tfevents.{begin}.host.{number}.v2",
            event_bytes.scalars(points, begin=float(begin), tf2=True),
        )


def one(path):
    found = find_runs([path])
    assert found.unreadable == ()
    [run] = found.runs
    return run


def test_the_history_of_a_later_fit_is_the_end_of_the_csv(write, tmp_path):
    run = history()
    write("exp/log.csv", appended(run, 12))
    write("exp/history.json", json.dumps(part(run, 12)))
    whole = one(tmp_path)
    assert whole.wide()["loss"].tolist() == run["loss"]
    assert [path.rpartition("/")[2] for path in whole.source.also] == ["history.json"]
    assert "history.json: epochs 12 to 29 of the whole" in whole.source.details["files"]
    assert "shifted by 12" in whole.source.details["restarts"]


def test_the_history_of_a_fit_with_initial_epoch(write, tmp_path):
    """The CSV has no seam: that there was one, only the History tells."""
    run = history()
    write("exp/log.csv", as_csv(run))
    write("exp/history.json", json.dumps({**part(run, 18), "lr": [0.1] * 12}))
    whole = one(tmp_path)
    assert whole.wide()["loss"].tolist() == run["loss"]
    assert whole.wide()["learning_rate"].dropna().index.tolist() == list(range(18, 30))
    [resumed] = [each for each in diagnose_run(whole).findings if each.rule == "resumed"]
    assert "epochs 18 to 29" in resumed.message


@pytest.mark.parametrize("seams", [(12,), (8, 19), (5, 13, 22)])
def test_each_fit_has_event_files_and_the_last_one_a_history(write, tmp_path, seams):
    run = history()
    edges = (0, *seams, 30)
    write("exp/log.csv", appended(run, *seams))
    write("exp/history.json", json.dumps(part(run, seams[-1])))
    for number, (begin, end) in enumerate(itertools.pairwise(edges)):
        write_events(write, "exp/tb", part(run, begin, end), number)
    whole = one(tmp_path)
    np.testing.assert_allclose(whole.wide()["loss"], run["loss"], rtol=3e-7)
    # Event files have the time of each value, and are preferred to the CSV also where they hold a part.
    assert whole.frame["wall_time"].notna().all()
    assert "resumed" in {finding.rule for finding in diagnose_run(whole).findings}


def test_a_console_text_is_enough_to_place_a_history(write, tmp_path):
    run = history()
    write("exp/console.txt", as_console(part(run, 0, 12)) + as_console(part(run, 12)))
    write("exp/history.json", json.dumps(part(run, 12)))
    np.testing.assert_allclose(one(tmp_path).wide()["loss"], run["loss"], atol=5.1e-5)


def test_a_history_that_became_nan(write, tmp_path):
    run = history()
    run["loss"][-4:] = run["val_loss"][-4:] = [float("nan")] * 4
    write("exp/log.csv", as_csv(run))
    write("exp/history.json", json.dumps(part(run, 12)))
    assert len(one(tmp_path).source.also) == 1


def test_a_fit_of_one_epoch_in_a_loop(write, tmp_path):
    """`for _ in range(30): history = model.fit(...)`, and only the last one is kept."""
    run = history()
    write("exp/log.csv", as_csv(run))
    write("exp/history.json", json.dumps(part(run, 29)))
    assert len(one(tmp_path).source.also) == 1


def two(path):
    found = find_runs([path])
    assert [run.source.also for run in found.runs] == [(), ()]
    assert all("restarts" not in run.source.details for run in found.runs)


def test_two_runs_that_only_share_a_folder_stay_two(write, tmp_path):
    write("exp/log.csv", as_csv(history(1)))
    write("exp/history.json", json.dumps(part(history(2), 12)))
    two(tmp_path)


def test_one_value_that_differs_is_enough_to_part(write, tmp_path):
    run = history()
    other = part(run, 12)
    other["val_loss"][7] += 1e-3
    write("exp/log.csv", as_csv(run))
    write("exp/history.json", json.dumps(other))
    two(tmp_path)


def test_runs_that_move_nowhere_prove_nothing(write, tmp_path):
    """Two networks that are stuck have the same loss again and again."""
    stuck = [2.302585] * 20
    write("exp/log.csv", as_csv({"loss": [2.4, 2.35, 2.31, *stuck], "val_loss": [2.4, 2.36, 2.32, *stuck]}))
    write("exp/history.json", json.dumps({"loss": stuck[:9], "val_loss": stuck[:9]}))
    two(tmp_path)


def test_a_few_printed_values_prove_nothing(write, tmp_path):
    """Four decimals of three losses: two runs may well have them in common."""
    run = history()
    write("exp/log.csv", as_csv(run))
    write("exp/console.txt", as_console({"loss": run["loss"][-2:]}))
    two(tmp_path)


def test_two_runs_of_one_file_stay_two(write, tmp_path):
    run = history()
    write(
        "exp/console.txt",
        as_console(run) + as_console({"loss": run["loss"][:3], "val_loss": run["loss"][3:6]}),
    )
    assert len(find_runs([tmp_path]).runs) == 2


@given(st.integers(1, 28), st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=25, deadline=None)
def test_any_tail_is_found_and_no_tail_of_another_run(tmp_path_factory, start, seed, same):
    folder = tmp_path_factory.mktemp("exp")
    run = history(seed)
    (folder / "log.csv").write_text(as_csv(run))
    (folder / "history.json").write_text(json.dumps(part(run if same else history(seed + 1), start)))
    assert len(find_runs([folder]).runs) == (1 if same else 2)


def test_hundreds_of_runs_and_parts_in_one_folder_take_no_time(write, tmp_path):
    for seed in range(150):
        write(f"{seed:03d}.csv", as_csv(history(seed, noise=1e-4)))
        write(f"{seed:03d}.json", json.dumps(part(history(seed, noise=1e-4), 12)))
    begin = time.process_time()
    found = find_runs([tmp_path])
    assert time.process_time() - begin < 5
    assert [run.name for run in found.runs] == [f"{seed:03d}" for seed in range(150)]
