"""Settings: where they are found, what they may say, and how mistakes are told."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from traindiag.analysis.seeds import group_name
from traindiag.config import find_file, read_settings, settings_for, settings_text
from traindiag.model.errors import UsageError
from traindiag.model.finding import Severity
from traindiag.settings import Settings

FULL = """
paths = ["logs", "more/logs"]
fail-on = "warning"
select = ["TD1", "non-finite"]
ignore = ["plateau"]
aggregate = "median"
group-by = 'rep\\d'
budgets = ["val_loss <= 0.35", "wall_time <= 2 h"]
baseline = "accepted.json"

[metrics]
quality = "max"

[rules]
underfitting = "off"
[rules.overfitting]
level = "warning"
[rules.TD305]
share = 1
epochs = 30

[[overrides]]
paths = ["logs/old"]
budgets = []
[overrides.rules]
overfitting = "off"

[[overrides]]
paths = ["*/huge-*"]
[overrides.rules.trained-too-long]
level = "error"
share = 0.7
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def settings(text: str, name: str = "traindiag.toml") -> Settings:
    Path(name).write_text(text, encoding="utf-8")
    return read_settings(name)


def test_everything_is_read() -> None:
    found = settings(FULL)
    assert found.paths == ("logs", "more/logs")
    assert found.fail_on is Severity.WARNING
    assert found.select == ("TD1", "non-finite")
    assert (found.aggregate, found.group_by, found.baseline) == ("median", r"rep\d", "accepted.json")
    assert [budget.text for budget in found.budgets] == ["val_loss <= 0.35", "wall_time <= 2 h"]
    assert found.metrics == {"quality": "max"}
    assert found.rules["underfitting"].level == "off"
    assert found.rules["trained-too-long"].options == {"share": 1, "epochs": 30}
    assert len(found.overrides) == 2


def test_pyproject_and_own_file_mean_the_same() -> None:
    table = re.sub(r"^(\[+)(?=metrics|rules|overrides)", r"\1tool.traindiag.", FULL, flags=re.M)
    ours, theirs = settings(FULL), settings("[tool.traindiag]\n" + table, "pyproject.toml")
    assert settings_text(ours).splitlines()[1:] == settings_text(theirs).splitlines()[1:]


def test_settings_as_text_mean_the_same_again() -> None:
    first = settings(FULL)
    second = settings(settings_text(first))
    assert first == second
    assert settings(settings_text(Settings())) == Settings(source="traindiag.toml")


def test_odd_strings_survive_as_text() -> None:
    odd = 'a"b\\c\u00e9\u202e\x7f'
    path = tomllib.loads(settings_text(Settings(paths=(odd,))))["paths"]
    assert path == [odd]


def test_overrides_hold_for_names_paths_and_folders() -> None:
    found = settings(FULL)
    general = found.for_run("new/a", "logs/new/a.csv")
    assert general.level("overfitting") == "warning"
    assert [budget.name for budget in general.budgets] == ["val_loss", "wall_time"]
    old = found.for_run("old/a", "logs/old/a.csv")
    assert old.level("overfitting") == "off"
    assert old.budgets == ()
    huge = found.for_run("huge-3", "logs/huge-3")
    assert huge.level("trained-too-long") == "error"
    assert huge.options["trained-too-long"] == {"share": 0.7, "epochs": 30}
    assert len(huge.budgets) == 2
    assert found.for_run("older", "logs/older").level("overfitting") == "warning"


def test_override_paths_are_relative_to_the_settings_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deep").mkdir()
    settings(FULL)
    monkeypatch.chdir(tmp_path / "deep")
    found = settings_for(Path(), config=None, isolated=False)
    assert found.paths == ("../logs", "../more/logs")
    assert found.baseline == "../accepted.json"
    assert found.for_run("a", "../logs/old/a").level("overfitting") == "off"
    assert found.for_run("a", str(tmp_path / "logs/old/a")).level("overfitting") == "off"


def test_the_nearest_file_counts(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert find_file(deep) is None or tmp_path not in find_file(deep).absolute().parents  # type: ignore[union-attr]
    (tmp_path / "pyproject.toml").write_text("[tool.traindiag]\n")
    assert find_file(deep) == Path("pyproject.toml")
    (tmp_path / "a" / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert find_file(deep) == Path("pyproject.toml")
    (tmp_path / "a" / "pyproject.toml").write_text("[tool.traindiag]\n")
    assert find_file(deep) == Path("a/pyproject.toml")
    (tmp_path / "a" / "traindiag.toml").write_text("")
    assert find_file(deep) == Path("a/traindiag.toml")


def test_isolated_and_config() -> None:
    settings(FULL)
    assert settings_for(Path(), config=None, isolated=True) == Settings()
    Path("other.toml").write_text('fail-on = "off"')
    assert settings_for(Path(), config="other.toml", isolated=False).fail_on is None
    with pytest.raises(UsageError, match="exclude each other"):
        settings_for(Path(), config="other.toml", isolated=True)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("fail-onn = 'error'", ["'fail-onn'", "did you mean fail-on?"]),
        ("fail_on = 'error'", ["'fail_on'", "did you mean fail-on?"]),
        ("colour = 1", ["'colour'", "known are paths, fail-on"]),
        ("fail-on = 'eror'", ["fail-on cannot be 'eror'", "did you mean error?"]),
        ("fail-on = true", ["fail-on must be a string, not True"]),
        ("aggregate = 'medain'", ["did you mean median?"]),
        ("paths = 'logs'", ["paths must be a list of strings"]),
        ("paths = [1]", ["paths must be a list of strings"]),
        ("select = ['overfiting']", ["'overfiting'", "did you mean 'overfitting'?"]),
        ("group-by = '['", ["group-by", "no regular expression"]),
        ("budgets = ['val_loss 3']", ["budgets", "NAME <= LIMIT"]),
        ("rules = 3", ["rules must be a table"]),
        ("rules.overfiting = 'off'", ["'overfiting'", "did you mean overfitting?"]),
        ("rules.overfitting = 'of'", ["rules.overfitting.level cannot be 'of'", "did you mean off?"]),
        ("rules.overfitting = 3", ["rules.overfitting must be a table"]),
        ("rules.overfitting.levle = 'off'", ["'levle'", "[rules.overfitting]", "did you mean level?"]),
        ("rules.trained-too-long.shares = 1", ["'shares'", "did you mean share?"]),
        ("rules.trained-too-long.share = 'half'", ["share must be a number, not 'half'"]),
        ("rules.trained-too-long.epochs = 1.5", ["epochs must be a whole number"]),
        ("rules.trained-too-long.epochs = true", ["epochs must be a whole number"]),
        ("rules.learning = 'off'", ["rules.learning.level cannot be off"]),
        ("metrics.quality = 'up'", ["metrics.quality cannot be 'up'", "choose min, max"]),
        ("overrides = [{budgets = []}]", ["overrides[0] covers nothing"]),
        ("overrides = [{paths = ['a'], rule = 1}]", ["'rule'", "[overrides[0]]", "did you mean rules?"]),
        ("overrides = {paths = ['a']}", ["overrides must be a list of tables"]),
        ("a = [", ["no TOML"]),
    ],
)
def test_mistakes_are_told_with_their_place(text: str, told: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        settings(text)
    message = str(caught.value)
    assert message.startswith("traindiag.toml: ")
    for each in told:
        assert each in message
    assert "\n" not in message


def test_mistakes_in_pyproject_name_the_whole_key() -> None:
    with pytest.raises(UsageError, match=r"\[tool.traindiag.rules.overfitting\]"):
        settings("[tool.traindiag.rules.overfitting]\nlevle = 'off'", "pyproject.toml")


def test_files_that_are_missing_or_say_nothing() -> None:
    with pytest.raises(UsageError, match="no such file"):
        read_settings("none.toml")
    with pytest.raises(UsageError, match=r"no \[tool.traindiag\]"):
        settings("[project]\n", "pyproject.toml")
    Path("bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="no TOML"):
        read_settings("bytes.toml")


def test_options_given_win_over_the_file() -> None:
    changed = settings(FULL).changed(paths=("x",), select=(), aggregate=None, baseline="b.json")
    assert (changed.paths, changed.aggregate, changed.baseline) == (("x",), "median", "b.json")
    assert changed.select == ("TD1", "non-finite")


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("lr0.1/seed-3", "lr0.1"),
        ("lr0.1-seed3", "lr0.1"),
        ("seed_12/lr0.1", "lr0.1"),
        ("a/Seed=4/b", "a/b"),
        ("seed-3", "*"),
        ("plain", "plain"),
        ("a-seed1-b", "a-b"),
    ],
)
def test_names_of_groups(name: str, group: str) -> None:
    assert group_name(name) == group
