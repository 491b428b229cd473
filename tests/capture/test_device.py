from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from traindiag.capture import device
from traindiag.capture.device import Device, DeviceChoice, choose_device
from traindiag.cli.app import run
from traindiag.model.errors import UsageError


class FakeKeras:
    class backend:  # noqa: N801
        @staticmethod
        def backend() -> str:
            return "tensorflow"


@pytest.fixture
def keras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "import_keras", FakeKeras)


@pytest.mark.usefixtures("keras")
class TestChoice:
    def test_auto_takes_the_first_gpu(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(device, "gpus", lambda backend: [("gpu:0", "Big"), ("gpu:1", "Small")])
        expected = Device(kind="gpu", name="Big", backend="tensorflow", scope="gpu:0")
        assert choose_device("auto") == choose_device(DeviceChoice.GPU) == expected

    def test_cpu_does_not_even_look_for_gpus(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(device, "gpus", lambda backend: pytest.fail("looked"))
        assert choose_device("cpu").kind == "cpu"

    def test_auto_falls_back_to_the_cpu(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(device, "gpus", lambda backend: [])
        chosen = choose_device("auto")
        assert (chosen.kind, chosen.scope) == ("cpu", "cpu:0")
        assert "CPU" in str(chosen)
        assert "tensorflow" in str(chosen)

    def test_gpu_without_one_is_wrong_use(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(device, "gpus", lambda backend: [])
        with pytest.raises(UsageError, match=r"sees no GPU.*auto or cpu"):
            choose_device("gpu")


def test_a_backend_without_gpus_sees_none() -> None:
    assert device.gpus("numpy") == []


@pytest.mark.keras
def test_gpu_without_one_ends_with_2_before_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "gpus", lambda backend: [])
    assert run(["train", "too-short", "--out", str(tmp_path / "logs"), "--device", "gpu"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.splitlines()) == 1
    assert "sees no GPU" in shown.err
    assert not (tmp_path / "logs").exists()


@pytest.mark.parametrize("missing", ["keras", "tensorflow", "sklearn"])
def test_a_missing_extra_is_named(tmp_path: Path, missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from traindiag.cli.app import run\n"
        f"sys.exit(run(['train', 'too-short', '--out', {str(tmp_path / 'logs')!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert 'pip install "traindiag[keras]"' in done.stderr
    assert not (tmp_path / "logs").exists()
