"""The fixture, in real pytest sessions: found by its entry point, light, and telling why."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

pytest_plugins = ["pytester"]

OVERFIT = "epoch,loss,val_loss\n" + "".join(
    f"{epoch},{2 * 0.93**epoch},{0.5 + 1.5 * 0.8**epoch + max(0, epoch - 15) * 0.03}\n" for epoch in range(60)
)
HEALTHY = "epoch,loss,val_loss\n" + "".join(
    f"{epoch},{2 * 0.9**epoch + 0.1},{2 * 0.9**epoch + 0.15}\n" for epoch in range(60)
)


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    if not entry_points(group="pytest11", name="traindiag"):
        pytest.skip("traindiag was installed before it had a pytest plugin")
    logs = pytester.mkdir("logs")
    (logs / "ill.csv").write_text(OVERFIT)
    (logs / "well.csv").write_text(HEALTHY)
    return pytester


def run(project: pytest.Pytester, body: str) -> pytest.RunResult:
    project.makepyfile(f"def test_it(traindiag_report):\n    {body}\n")
    return project.runpytest_subprocess("-p", "no:cacheprovider")


def test_healthy_logs_pass(project: pytest.Pytester) -> None:
    run(project, "assert traindiag_report('logs/well.csv').ok").assert_outcomes(passed=1)


def test_a_failed_assertion_shows_the_reason(project: pytest.Pytester) -> None:
    done = run(project, "assert traindiag_report('logs').ok")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*<traindiag failed: overfitting (error) in ill>*"])


def test_nothing_judged_is_not_ok(project: pytest.Pytester) -> None:
    done = run(project, "assert traindiag_report('nowhere')")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*<traindiag not judged: nothing could be read: nowhere*"])


def test_arguments(project: pytest.Pytester) -> None:
    body = """
    assert traindiag_report('logs', fail_on='off').ok
    assert traindiag_report('logs', ignore=['TD1', 'TD3']).ok
    broken = traindiag_report('logs/well.csv', budgets=['val_loss <= 0.01'])
    assert not broken.ok and 'val_loss <= 0.01' in broken.reason
    ill = traindiag_report('logs/ill.csv')
    assert [finding.rule for run, finding in ill.failing] == ['overfitting']
    assert ill.report.runs[0].verdict.rule == 'overfitting'
    """
    run(project, body).assert_outcomes(passed=1)


def test_settings_of_the_project_count(project: pytest.Pytester) -> None:
    project.makepyprojecttoml('[tool.traindiag]\npaths = ["logs"]\nrules.overfitting = "warning"\n')
    body = """
    assert traindiag_report().ok
    assert not traindiag_report('logs', isolated=True).ok
    """
    run(project, body).assert_outcomes(passed=1)


def test_a_wrong_level_is_told(project: pytest.Pytester) -> None:
    done = run(project, "traindiag_report('logs', fail_on='eror')")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*did you mean error?*"])


def test_the_plugin_loads_nothing_heavy() -> None:
    code = "import sys, traindiag.pytest_plugin; print(sorted(m for m in sys.modules if m in %r))"
    heavy = ("numpy", "pandas", "matplotlib", "rich", "typer", "traindiag.check", "traindiag.settings")
    done = subprocess.run([sys.executable, "-c", code % (heavy,)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
