"""Records sample_logs/ anew: one real training per situation, by the very command a user would type.

    python tests/benchmarks/record_samples.py [NAME...]

Each folder gets an ``expected.toml``: the scenario's verdict and severity, the findings that must stand beside it, and
the epoch of the lowest recorded val_loss. Healthy look-alikes of an illness go to sample_logs/lookalikes/. Any scenario
can be named; without a name those that are kept in the repository are recorded.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

from traindiag.capture.scenarios.base import scenario_named
from traindiag.cli.app import run
from traindiag.model.finding import Severity

ROOT = Path(__file__).parents[2]
SITUATIONS = (
    "learning", "converged", "overfitting", "overfitting-mild", "data-problem", "plateau", "stuck-at-chance",
    "diverging", "non-finite", "no-validation", "too-short",
)  # fmt: skip
LOOKALIKES = (
    "converged-early-stopping", "cosine-schedule", "step-schedule", "fine-tuned", "resumed", "noisy",
)  # fmt: skip


def folder_of(name: str) -> Path:
    """Where a scenario's sample lies, relative to the repository; healthy ones of another name are look-alikes."""
    healthy = scenario_named(name).severity is Severity.NOTE
    is_lookalike = healthy and name not in SITUATIONS
    return Path("sample_logs", "lookalikes", name) if is_lookalike else Path("sample_logs", name)


def best_epoch(folder: Path) -> int:
    """Zero-based epoch of the lowest finite val_loss, or loss where there is no validation."""
    history = json.loads((folder / "history.json").read_text(encoding="utf-8"))
    values = history.get("val_loss", history["loss"])
    finite = [value if math.isfinite(value) else math.inf for value in values]
    return finite.index(min(finite))


def record(name: str) -> int:
    """Trains one scenario into its folder; gives the command's exit code."""
    scenario, folder = scenario_named(name), folder_of(name)
    code = run(["train", name, "--out", str(folder), "--overwrite"])
    if code == 0:
        lines = [
            f'verdict = "{scenario.expected[0]}"',
            f"accepted = {json.dumps(list(scenario.expected))}",
            f'severity = "{scenario.severity}"',
            f"best_epoch = {best_epoch(folder)}",
        ]
        if scenario.findings:
            lines.append(f"findings = {json.dumps(list(scenario.findings))}")
        (folder / "expected.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return code


def main(names: list[str]) -> int:
    """Records the named samples, all of them when none is named."""
    return max(record(name) for name in names or (*SITUATIONS, *LOOKALIKES))


if __name__ == "__main__":
    import os

    os.chdir(ROOT)
    sys.exit(main(sys.argv[1:]))
