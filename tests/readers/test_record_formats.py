from __future__ import annotations

import json
import math
import struct
import zlib

import pytest

from traindiag.readers.discover import find_runs


def lines(*records):
    return "".join(json.dumps(record) + "\n" for record in records)


# --- JSON lines --------------------------------------------------------------------------------


def test_mmdetection(read_one):
    records = [{"env_info": "sys.platform: linux", "exp_name": "x"}]
    for epoch in range(1, 11):
        records += [
            {
                "mode": "train",
                "epoch": epoch,
                "iter": 50,
                "lr": 0.02,
                "memory": 7000,
                "loss": 2.0 / epoch,
                "time": 0.5,
            },
            {
                "mode": "train",
                "epoch": epoch,
                "iter": 100,
                "lr": 0.02,
                "memory": 7000,
                "loss": 1.0 / epoch,
                "time": 0.5,
            },
            {"mode": "val", "epoch": epoch, "iter": 40, "lr": 0.02, "bbox_mAP": epoch / 20},
        ]
    run = read_one("20200101.log.json", lines(*records))
    assert run.source.reader == "jsonl"
    wide = run.wide()
    assert wide.index.tolist() == list(range(10))
    assert wide["loss"].tolist() == pytest.approx([1.5 / epoch for epoch in range(1, 11)])
    assert wide["val_bbox_mAP"].tolist() == [epoch / 20 for epoch in range(1, 11)]
    assert "shifted" in run.source.details["epochs"]


def test_mmengine_validations_count_epochs(read_one):
    """As its LocalVisBackend writes them: lines of a validation have neither mode nor epoch."""
    records = []
    for epoch in range(1, 11):
        step = 13 * epoch
        records += [
            {"lr": 0.01, "loss": 2.0 / epoch, "time": 0.1, "epoch": epoch, "iter": step, "step": step},
            {"accuracy": 70.0 + epoch, "data_time": 0.1, "step": epoch},
        ]
    run = read_one("scalars.json", lines(*records))
    wide = run.wide()
    assert wide.index.tolist() == list(range(10))
    assert wide["val_accuracy"].tolist() == [70.0 + epoch for epoch in range(1, 11)]
    assert "val_epoch" not in wide


def test_steps_within_epochs_are_put_one_after_the_other(read_one):
    records = [
        {"mode": mode, "epoch": epoch, "iter": i, "loss": 3.0 - epoch - i / 100, "lr": 0.1}
        for epoch in (1, 2)
        for mode, i in [*(("train", i) for i in range(10, 60, 10)), ("val", 7)]
    ]
    by_split = {c.split: c for c in read_one("a.log.json", lines(*records)).curves() if c.metric == "loss"}
    assert by_split["train"].epoch.tolist() == [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
    assert by_split["val"].epoch.tolist() == [50, 100]


@pytest.mark.parametrize("key", ["phase", "split", "event"])
def test_a_word_tells_the_split_of_a_line(read_one, key):
    records = [
        {key: word, "epoch": epoch, "loss": loss + epoch, "lr": 0.1}
        for epoch in range(3)
        for word, loss in (("train", 1.0), ("Valid", 2.0))
    ]
    run = read_one("log.jsonl", lines(*records, {key: "checkpoint", "path": "x.pt"}))
    assert run.wide()["loss"].tolist() == [1, 2, 3]
    assert run.wide()["val_loss"].tolist() == [2, 3, 4]
    assert {each.metric for each in run.series} == {"loss", "learning_rate"}


def test_detectron2_steps_and_absent_classes(read_one):
    records = [
        {"iteration": 20 * i, "total_loss": 2.0 / (i + 1), "lr": 0.01, "bbox/AP-cat": math.nan}
        for i in range(9)
    ]
    run = read_one("metrics.json", lines(*records))
    assert run.frame["step"].dropna().unique().tolist() == [20 * i for i in range(9)]
    assert "bbox/AP-cat" in run.source.details["left out"]
    assert not run.frame["value"].isna().any()


def test_a_nan_loss_is_kept(read_one):
    run = read_one("log.jsonl", lines(*({"epoch": i, "loss": math.nan} for i in range(3))))
    assert run.frame["value"].isna().sum() == 3


def test_plain_json_lines_with_nested_groups_and_noise(read_one):
    text = lines({"epoch": 0, "train": {"loss": 1.0}, "val": {"loss": 2.0}}) + "not json\n"
    run = read_one("log.txt", text + lines({"epoch": 1, "train": {"loss": 0.5}, "val": {"loss": 1.5}}))
    assert run.wide()["val_loss"].tolist() == [2.0, 1.5]
    [damage] = run.source.damage
    assert (damage.place, damage.records) == ("line 2", 1)


def test_a_list_in_one_line_makes_no_other_format(read_one):
    text = lines(
        *({"epoch": i, "loss": 1.0} for i in range(5)),
        {"epoch": 5, "loss": [1.0, 2.0]},
        {"epoch": 6, "loss": 1.0},
    )
    assert read_one("log.jsonl", text).source.reader == "jsonl"


def test_a_cut_last_line_is_counted(read_one):
    text = lines(*({"epoch": i, "loss": 1.0 / (i + 1)} for i in range(5)))
    run = read_one("log.jsonl", text[:-9])
    assert run.wide()["loss"].tolist() == [1, 1 / 2, 1 / 3, 1 / 4]
    assert run.source.damage[0].records == 1


def test_an_aborted_run_before_another_is_a_run_of_its_own(write):
    header = {"env_info": "x"}
    first = [{"mode": "train", "epoch": 1, "iter": 1, "loss": 3.0}]
    second = [{"mode": "train", "epoch": e, "iter": 1, "loss": 2.0 / e} for e in (1, 2, 3)]
    found = find_runs([write("a.log.json", lines(header, *first, header, *second))])
    assert [len(run.frame) for run in found.runs] == [1, 3]


def test_names_the_user_gives_for_keys(write):
    path = write("log.jsonl", lines({"e": 0, "trn": 1.0}, {"e": 1, "trn": 0.5}))
    [run] = find_runs([path], names={"e": "epoch", "trn": "loss"}).runs
    assert run.wide()["loss"].tolist() == [1.0, 0.5]


def test_a_summary_of_last_values_is_no_log(refused):
    refused("summary.json", '{"loss": 0.5, "_step": 800}')


# --- Hugging Face ------------------------------------------------------------------------------


def trainer_state(epochs, per_epoch):
    log = []
    for i in range(1, epochs * per_epoch + 1):
        log.append(
            {"epoch": i / per_epoch, "step": 10 * i, "loss": 2.0 / i, "learning_rate": 1e-4, "grad_norm": 1.0}
        )
        if i % per_epoch == 0:
            log.append({"epoch": i / per_epoch, "step": 10 * i, "eval_loss": 3.0 / i, "eval_runtime": 5.0})
    log.append(
        {"epoch": float(epochs), "step": 10 * i, "train_loss": 0.7, "train_runtime": 9.0, "total_flos": 1e9}
    )
    return json.dumps({"global_step": 10 * i, "best_metric": None, "log_history": log}, indent=2)


def test_trainer_state_by_epoch(read_one):
    run = read_one("trainer_state.json", trainer_state(10, 2))
    assert run.source.reader == "hf-trainer-state"
    wide = run.wide()
    assert wide.index.tolist() == list(range(10))
    assert wide["loss"].tolist() == [(2 / (2 * e + 1) + 2 / (2 * e + 2)) / 2 for e in range(10)]
    assert wide["val_loss"].tolist() == [3 / (2 * e + 2) for e in range(10)]
    assert run.params["summary/train_loss"] == 0.7


def test_trainer_state_of_few_epochs_is_judged_by_step(read_one):
    run = read_one("trainer_state.json", trainer_state(2, 50))
    assert run.frame["epoch"].isna().all()
    assert "by step" in run.source.details["epochs"]


def test_trainer_state_that_is_a_pointer(refused):
    text = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"
    assert "git-lfs pointer" in refused("trainer_state.json", text)


# --- MLflow ------------------------------------------------------------------------------------


def store(write, run, steps, unit=1000):
    base = f"mlruns/0/{run}"
    for name, factor in (("loss", 1.0), ("val_loss", 2.0), ("sub/accuracy", 0.1)):
        rows = [
            f"{1_700_000_000 * unit + i * unit} {factor / (i + 1)!r} {step}\n" for i, step in enumerate(steps)
        ]
        write(f"{base}/metrics/{name}", "".join(rows))
    write(f"{base}/params/batch_size", "32")
    write(f"{base}/tags/mlflow.runName", "quiet-fox")
    write(f"{base}/meta.yaml", "run_id: x\n")


@pytest.mark.parametrize("unit", [1, 1000])
@pytest.mark.parametrize(
    ("steps", "epochs"), [([0, 1, 2], True), ([0, 0, 0], True), ([100, 200, 300], False)]
)
def test_mlflow_store(write, tmp_path, steps, epochs, unit):
    store(write, "abc", steps, unit)
    store(write, "def", steps, unit)
    found = find_runs([tmp_path])
    assert found.unreadable == ()
    assert [run.name for run in found.runs] == ["mlruns/0/abc", "mlruns/0/def"]
    run = found.runs[0]
    assert dict(run.params) == {"batch_size": "32", "tag/mlflow.runName": "quiet-fox"}
    loss = run.frame[(run.frame["metric"] == "loss") & (run.frame["split"] == "train")]
    assert loss["value"].tolist() == [1.0, 0.5, 1 / 3]
    assert loss["wall_time"].tolist() == [1.7e9, 1.7e9 + 1, 1.7e9 + 2]
    axis = loss["epoch"] if epochs else loss["step"]
    assert axis.tolist() == ([0, 1, 2] if epochs else steps)


def test_mlflow_broken_lines_are_counted(write, tmp_path):
    store(write, "abc", [0, 1, 2])
    write("mlruns/0/abc/metrics/loss", "1700000000000 1.0 0\ngarbage\n1700000001000 nan 1\n1700000002000 0.2")
    [run] = find_runs([tmp_path]).runs
    assert sum(each.records for each in run.source.damage) == 2
    loss = run.frame[(run.frame["metric"] == "loss") & (run.frame["split"] == "train")]
    assert loss["value"].isna().tolist() == [False, True]


# --- W&B ---------------------------------------------------------------------------------------


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def message(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def item(key, value):
    return message(1, message(1, key.encode()) + message(16, json.dumps(value).encode()))


def wandb_file(records):
    data = b":W&B" + b"\xe1\xbe" + b"\x00"
    for record in records:
        first = True
        while True:
            left = 32_768 - len(data) % 32_768
            if left < 7:
                data += bytes(left)
                left = 32_768
            part, record = record[: left - 7], record[left - 7 :]
            kind = (1 if not record else 2) if first else (4 if not record else 3)
            data += struct.pack("<IHB", zlib.crc32(part, zlib.crc32(bytes([kind]))), len(part), kind) + part
            first = False
            if not record:
                break
    return data


def wandb_run(count=5_000):
    config = message(5, item("batch_size", 32))
    rows = [
        message(
            2,
            item("_step", i)
            + item("epoch", i // 10)
            + item("loss", 1 / (i + 1))
            + item("_timestamp", 1.7e9 + i),
        )
        for i in range(count)
    ]
    return [config, *rows]


def test_wandb_history(read_one):
    run = read_one("run-x.wandb", wandb_file(wandb_run()))
    assert run.source.reader == "wandb"
    assert run.source.damage == ()
    assert run.params["batch_size"] == 32
    assert run.frame["value"].tolist() == [1 / (i + 1) for i in range(5_000)]
    assert run.frame["step"].tolist() == list(range(5_000))
    assert run.frame["wall_time"].iloc[-1] == 1.7e9 + 4_999
    assert run.wide().index.tolist() == list(range(500))


def test_a_wandb_summary_points_to_the_history(write, tmp_path):
    path = write("files/wandb-summary.json", '{"loss": 0.5, "_step": 9}')
    [entry] = find_runs([path]).unreadable
    assert "last value" in entry.message
    assert ".wandb" in entry.message
    write("run-x.wandb", wandb_file(wandb_run(30)))
    found = find_runs([tmp_path])
    assert len(found.runs) == 1
    assert not found.unreadable


def test_wandb_damage_costs_one_block_and_is_counted(read_one):
    data = bytearray(wandb_file(wandb_run()))
    data[100_000:100_003] = b"\xff\xff\xff"
    run = read_one("run-x.wandb", bytes(data))
    assert run.source.damage[0].records >= 1
    values = run.frame["value"].tolist()
    assert set(values) <= {1 / (i + 1) for i in range(5_000)}
    assert 4_000 < len(values) < 5_000


@pytest.mark.parametrize("size", range(7, 2_000, 13))
def test_wandb_truncated_anywhere(write, size):
    data = wandb_file(wandb_run(30))[:size]
    found = find_runs([write("run-x.wandb", data)])
    for run in found.runs:
        values = run.frame["value"].tolist()
        assert values == [1 / (i + 1) for i in range(len(values))]
    assert all("reader failed" not in entry.message for entry in found.unreadable)


# --- Hugging Face console ----------------------------------------------------------------------


def trainer_lines(epochs, per_epoch, quoted=False):
    text = "  0%|          | 0/100 [00:00<?, ?it/s]\r"
    for i in range(1, epochs * per_epoch + 1):
        text += (
            str({"loss": round(2 / i, 4), "grad_norm": 1.0, "learning_rate": 5e-05, "epoch": i / per_epoch})
            + "\n"
        )
        if i % per_epoch == 0:
            text += str({"eval_loss": round(3 / i, 4), "eval_runtime": 5.0, "epoch": i / per_epoch}) + "\n"
    text += str({"train_runtime": 9.0, "train_loss": 0.7, "epoch": float(epochs)}) + "\n"
    if quoted:
        import re

        text = re.sub(r": ([-\d.e]+)([,}])", r": '\1'\2", text)
    return text


@pytest.mark.parametrize("quoted", [False, True])
def test_trainer_console(read_one, quoted):
    run = read_one("slurm-1.out", trainer_lines(10, 1, quoted))
    assert run.source.reader == "hf-console"
    wide = run.wide()
    assert wide["loss"].tolist() == [round(2 / i, 4) for i in range(1, 11)]
    assert wide["val_loss"].tolist() == [round(3 / i, 4) for i in range(1, 11)]
    assert run.params["summary/train_loss"] == 0.7


def test_two_trainings_in_one_trainer_console_are_two_runs(write):
    found = find_runs([write("nohup.out", trainer_lines(2, 30) + trainer_lines(9, 1))])
    assert [run.name for run in found.runs] == ["nohup#1", "nohup#2"]
    assert found.runs[0].frame["epoch"].isna().all()
