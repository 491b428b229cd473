"""What the tab key offers: the shell's side of it, asked as bash asks."""

from __future__ import annotations

import pytest
from test_cli import traindiag


def _offered(line: str, word: int) -> list[str]:
    asked = {"_TRAINDIAG_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(word)}
    done = traindiag(env=asked)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "word", "offered"),
    [
        ("traindiag ex", 1, ["explain"]),
        ("traindiag analyze --min-s", 2, ["--min-severity"]),
        ("traindiag explain overf", 2, ["overfitting"]),
        ("traindiag explain TD10", 2, ["TD101", "TD102", "TD103", "TD104"]),
        ("traindiag analyze --format js", 3, ["json", "jsonl"]),
        ("traindiag analyze --reader keras-c", 3, ["keras-console", "keras-csv"]),
        ("traindiag check --select non", 3, ["non-finite"]),
        ("traindiag train overfitting-m", 2, ["overfitting-mild"]),
    ],
)
def test_tab(line: str, word: int, offered: list[str]) -> None:
    assert _offered(line, word) == offered


def test_names_of_rules_come_before_their_codes() -> None:
    offered = _offered("traindiag explain ", 2)
    assert "overfitting" in offered
    assert not any(word.startswith("TD") for word in offered)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_script_for_the_shell(shell: str) -> None:
    done = traindiag("--show-completion", shell)
    assert done.returncode == 0
    assert "_TRAINDIAG_COMPLETE" in done.stdout
