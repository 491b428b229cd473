"""What the README and its Chinese twin say is what the program has."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from traindiag.readers.base import all_readers

ROOT = Path(__file__).parents[2]
READMES = [ROOT / "README.md", ROOT / "docs" / "README.zh-CN.md"]


def blocks(path: Path) -> list[str]:
    return re.findall(r"^```.*?^```", path.read_text(encoding="utf-8"), re.M | re.S)


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_every_reader_is_named(readme: Path) -> None:
    text = readme.read_text(encoding="utf-8")
    assert [reader.name for reader in all_readers() if f"`{reader.name}`" not in text] == []


def test_both_readmes_show_the_same_code_and_tables() -> None:
    first, second = READMES
    assert blocks(first) == blocks(second)

    def rows(path: Path) -> list[int]:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [line.count("|") for line in lines if line.startswith("|")]

    assert rows(first) == rows(second)


def test_pictures_of_a_terminal_are_up_to_date() -> None:
    """If this fails: python docs/pictures/make_terminal_pictures.py, and look at what it drew."""
    script = ROOT / "docs" / "pictures" / "make_terminal_pictures.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (
        f"{done.stdout}{done.stderr}run python docs/pictures/make_terminal_pictures.py"
    )
