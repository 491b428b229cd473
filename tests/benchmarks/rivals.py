"""The tools that judge training curves, side by side on the same labelled runs and the same log files.

    python tests/benchmarks/rivals.py --peer sk-autod=PYTHON --peer trainproof=PYTHON \\
        --peer trainspotter=PYTHON --peer losslint=PYTHON --page docs/comparison.md --answers answers.json

Each PYTHON is the interpreter of an environment of that tool's own:

    python -m venv sk && sk/bin/pip install sk-autod
    python -m venv tp && tp/bin/pip install trainproof
    python -m venv ts && ts/bin/pip install 'trainspotter[tensorboard]'
    python -m venv ll && ll/bin/pip install 'losslint[tb]'

Every tool, this one too, is called by its own command with its defaults and asked for JSON. Labelled runs (groups kept
aside, see groups.toml) are written as CSVLogger writes them, one ``log.csv`` in a folder that does not give the label
away; sk-autod, which reads no files, is given the two lists of losses. rivals.toml says what the words of each tool
amount to. Printed for each source and tool:

- ``named``: share of runs of a label of which any finding, of any severity, amounts to an accepted verdict; for the
  healthy labels, of which no finding is more than a note; for ``not_overfit``, of which none says overfitting.
- ``first``: the same of the first finding alone (traindiag: of the verdict). One sentence is what people act on.
- ``flagged``: share of runs with any finding that is more than a note, whatever it says. Needs no table of words; on
  healthy labels these are the false alarms.
- ``no answer``: runs a tool ended on without a judgement.
- whether what is said stays when losses are multiplied by 100 or 0.01.

Then which forms of the recorded sample runs each tool reads, how often it is right of them, and its exit code on
files nobody can read. ``--page`` puts the tables between two marks of a page; ``--answers`` keeps what the peers
said of each CSV file, so that they are asked again only about new ones, or in another version.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import pickle
import subprocess
import sys
import tempfile
import tomllib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import diagnosis

HERE = Path(__file__).parent
SAMPLES = HERE.parents[1] / "sample_logs"
WORDS = tomllib.loads((HERE / "rivals.toml").read_text(encoding="utf-8"))
HEALTHY_VERDICTS = frozenset({"converged", "learning"})
UNJUDGED = frozenset({"no-validation", "too-short", "undecided"})
UNSEEN = UNJUDGED | {"head-mismatch", "callback-misconfigured"}
"""What cannot be seen in a table of losses, by nobody."""
FORMS = ("log.csv", "history.json", "history.txt", "history.pkl", "console.txt", "tb", "")
"""The forms of a sample run; the empty one is its whole folder."""
FACTORS = (100.0, 0.01)
PATIENCE = 120
"""Seconds one call may take."""
Kept = dict[str, dict[str, list[Any]]]
"""By tool and version, and by the digest of a log: what was said, and the exit code."""
BEGIN, END = "<!-- rivals.py writes from here -->", "<!-- to here -->"


@dataclass(frozen=True)
class Labelled:
    """A run with the verdicts that are right of it.

    Attributes:
        accepted: one of them must be said; empty where nobody knows what the run is, only what it is not.
        wrong: what must not be said of such a run.
    """

    source: str
    name: str
    label: str
    accepted: frozenset[str]
    healthy: bool
    history: Mapping[str, Sequence[float]]
    first_epoch: int = 0
    wrong: frozenset[str] = frozenset()

    @property
    def ill(self) -> bool:
        return bool(self.accepted) and not self.healthy


@dataclass(frozen=True)
class Answer:
    """What a tool said of a run, in its own order; None where it judged nothing.

    Attributes:
        said: the tool's word and whether it is more than a note, for each finding.
        verdict: the one verdict, of a tool that has one.
        code: the exit code.
    """

    said: tuple[tuple[str, bool], ...] | None
    code: int
    verdict: str = ""

    @property
    def flagged(self) -> bool:
        return any(serious for _, serious in self.said or ())


# --- the tools -------------------------------------------------------------------------------------


class Tool(ABC):
    """A tool in an environment of its own. `words` says what its findings amount to."""

    name: ClassVar[str]

    def __init__(self, python: str) -> None:
        self.python = python
        self.command = str(Path(python).with_name(self.name))
        self.words: Mapping[str, list[str]] = WORDS.get(self.name, {}).get("words", {})

    def version(self) -> str:
        ask = f"from importlib.metadata import version; print(version({self.name!r}))"
        return subprocess.run(
            [self.python, "-c", ask], capture_output=True, text=True, check=True
        ).stdout.strip()

    @abstractmethod
    def arguments(self, path: Path) -> list[str] | None:
        """The words after the command that judge a file or folder; None if it takes no such thing."""

    @abstractmethod
    def findings(self, document: Any) -> list[tuple[str, bool]] | None:
        """Word and seriousness of each finding of a JSON document; None if nothing was judged."""

    def verdict(self, document: Any) -> str:
        """The one verdict, of a tool that has one."""
        return ""

    def ask(self, path: Path) -> Answer:
        """Judge a log file or folder."""
        arguments = self.arguments(path)
        if arguments is None:
            return Answer(None, -1)
        try:
            done = subprocess.run(
                [self.command, *arguments], capture_output=True, text=True, timeout=PATIENCE, check=False
            )
            document = json.loads(done.stdout)
            said = self.findings(document)
        except subprocess.TimeoutExpired:
            return Answer(None, -2)
        except (ValueError, KeyError, IndexError):
            return Answer(None, done.returncode)
        if said is None:
            return Answer(None, done.returncode)
        return Answer(tuple(said), done.returncode, self.verdict(document))

    def ask_many(self, paths: Sequence[Path], jobs: int) -> list[Answer]:
        """Judge many, each by a call of its own."""
        with ThreadPoolExecutor(jobs) as pool:
            return list(pool.map(self.ask, paths))

    def ask_new(self, paths: Sequence[Path], jobs: int, kept: Kept) -> list[Answer]:
        """Judge many logs, those only whose answers are not kept."""
        mine = kept.setdefault(f"{self.name} {self.version()}", {})
        keys = [digest(path) for path in paths]
        new = {key: path for key, path in zip(keys, paths, strict=True) if key not in mine}
        for key, answer in zip(new, self.ask_many(list(new.values()), jobs), strict=True):
            mine[key] = [answer.said, answer.code]
        return [Answer(_pairs(mine[key][0]), mine[key][1]) for key in keys]

    def means(self, word: str) -> frozenset[str]:
        """The verdicts of traindiag that a word of this tool amounts to."""
        return frozenset(self.words[word])

    def named(self, run: Labelled, answer: Answer) -> bool:
        """Whether anything it said is right; of a healthy run, whether it kept still."""
        return self._right(run, answer, [word for word, _ in answer.said or ()])

    def first(self, run: Labelled, answer: Answer) -> bool:
        """Whether the first thing it said is right."""
        return self._right(run, answer, [word for word, _ in answer.said or ()][:1])

    def _right(self, run: Labelled, answer: Answer, words: list[str]) -> bool:
        if answer.said is None:
            return False
        if run.healthy:
            return not answer.flagged
        meant = {verdict for word in words for verdict in self.means(word)}
        return bool(meant & run.accepted) if run.ill else not meant & run.wrong


def digest(path: Path) -> str:
    """Of a file's content, or of all files of a folder, in the order of their names."""
    files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    return hashlib.sha256(b"".join(each.read_bytes() for each in files)).hexdigest()


def _pairs(said: Sequence[Sequence[Any]] | None) -> tuple[tuple[str, bool], ...] | None:
    return None if said is None else tuple((str(word), bool(serious)) for word, serious in said)


class Traindiag(Tool):
    name = "traindiag"

    def ask_new(self, paths: Sequence[Path], jobs: int, kept: Kept) -> list[Answer]:
        """All of them: it changes while its version stays."""
        return self.ask_many(paths, jobs)

    def arguments(self, path: Path) -> list[str]:
        return ["analyze", str(path), "--format", "json"]

    def ask_many(self, paths: Sequence[Path], jobs: int) -> list[Answer]:
        """In one call, for it takes many paths and judges each run by itself."""
        asked = [self.command, "analyze", *map(str, paths), "--format", "json"]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        runs = json.loads(done.stdout)["runs"]
        return [self._of(path, runs, done.returncode) for path in paths]

    def _of(self, path: Path, runs: Sequence[Any], code: int) -> Answer:
        """What is said of the one run at or below a path."""
        document = {"runs": [run for run in runs if path in (at := Path(run["source"]["path"]), *at.parents)]}
        said = self.findings(document)
        return Answer(None, code) if said is None else Answer(tuple(said), code, self.verdict(document))

    def findings(self, document: Any) -> list[tuple[str, bool]] | None:
        runs = document["runs"]
        if len(runs) != 1:
            return None
        return [(each["rule"], each["severity"] != "note") for each in runs[0]["findings"]]

    def verdict(self, document: Any) -> str:
        return str(document["runs"][0]["verdict"]["rule"])

    def means(self, word: str) -> frozenset[str]:
        return frozenset({word})

    def first(self, run: Labelled, answer: Answer) -> bool:
        said_so = answer.verdict in run.accepted if run.accepted else answer.verdict not in run.wrong
        return answer.said is not None and said_so


class SkAutod(Tool):
    name = "sk-autod"

    def arguments(self, path: Path) -> list[str] | None:
        if path.suffix != ".csv" or not path.exists():
            return None
        with path.open(newline="", errors="replace") as file:
            rows = list(csv.DictReader(file))
        if not rows or not {"loss", "val_loss"} <= set(rows[0]):
            return None
        train, val = (",".join(row[name] for row in rows) for name in ("loss", "val_loss"))
        return ["check", f"--train-loss={train}", f"--val-loss={val}", "--output", "json"]

    def findings(self, document: Any) -> list[tuple[str, bool]]:
        return [(each["detector_name"], each["severity"] != "INFO") for each in document["findings"]]


class Trainproof(Tool):
    name = "trainproof"
    JUDGED_NOTHING = ("TP-NO-RECORDS", "TP-NO-LOSS", "TP-NOT-CHECKED")

    def arguments(self, path: Path) -> list[str]:
        return ["doctor", str(path), "--json"]

    def findings(self, document: Any) -> list[tuple[str, bool]] | None:
        if not document["reports"]:
            return None
        found = [each for report in document["reports"] for each in report["findings"]]
        told = [(each["id"], True) for each in found if each["level"] in ("WARN", "FAIL")]
        said = [pair for pair in told if pair[0] not in self.JUDGED_NOTHING]
        return said if said or len(said) == len(told) else None


class Trainspotter(Tool):
    name = "trainspotter"

    def arguments(self, path: Path) -> list[str]:
        return ["analyze", str(path), "--output", "json"]

    def findings(self, document: Any) -> list[tuple[str, bool]]:
        return [(each["detector"], each["severity"] != "info") for each in document["findings"]]


class Losslint(Tool):
    name = "losslint"

    def arguments(self, path: Path) -> list[str]:
        return ["check", str(path), "--format", "json"]

    def findings(self, document: Any) -> list[tuple[str, bool]] | None:
        if not any(run["points"] for run in document["runs"]):
            return None
        return [(each["check"], each["severity"] != "info") for each in document["findings"]]


TOOLS: dict[str, type[Tool]] = {
    each.name: each for each in (Traindiag, SkAutod, Trainproof, Trainspotter, Losslint)
}


# --- the runs --------------------------------------------------------------------------------------


def labelled_runs(seeds: int, networks: Path | None, trained: Path | None) -> Iterator[Labelled]:
    """The runs of the groups kept aside."""
    cases = [*diagnosis.labelled("seeded_faults", True), *diagnosis.labelled("simulated_overfit", True)]
    cases += diagnosis.networks(True, seeds, networks) if seeds or networks else []
    cases += diagnosis.trained(trained, True) if trained else []
    for case in cases:
        known = case.label != "not_overfit"  # whether such a run is well otherwise, nobody has said
        if set(case.accepted) <= UNSEEN:
            continue
        yield Labelled(
            source=case.source,
            name=case.name,
            label=_label(case),
            accepted=frozenset(case.accepted if known else ()),
            wrong=frozenset(() if known else diagnosis.GROUPS["accepted"]["overfit"]),
            healthy=case.healthy and known,
            history=case.history,
            first_epoch=case.first_epoch,
        )


def _label(case: diagnosis.Case) -> str:
    """Of the many scenarios of trained runs, the verdict they share."""
    if case.source != "trained":
        return case.label
    return "healthy" if case.healthy else case.accepted[0]


def write_csv(run: Labelled, path: Path, factor: float = 1.0) -> Path:
    """The run as Keras' CSVLogger writes one, its losses times a factor."""
    names = sorted(run.history)
    path.parent.mkdir(parents=True)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["epoch", *names])
        for at in range(len(run.history["loss"])):
            scaled = (run.history[n][at] * (factor if n.endswith("loss") else 1.0) for n in names)
            table.writerow([run.first_epoch + at, *scaled])
    return path


# --- measuring -------------------------------------------------------------------------------------


def by_source(runs: Sequence[Labelled]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for at, run in enumerate(runs):
        places.setdefault(run.source, []).append(at)
    return places


def share(hits: Iterable[bool]) -> str:
    found = list(hits)
    return f"{sum(found) / len(found):.2f}" if found else "-"


def recall_tables(
    tools: Sequence[Tool], runs: Sequence[Labelled], answers: Mapping[str, list[Answer]]
) -> str:
    """A table for each source: a row a label, a column a tool."""
    text = []
    for source, places in by_source(runs).items():
        labels = sorted({runs[at].label for at in places}, key=lambda each: (each != "healthy", each))
        rows = [["label", "runs", *(tool.name for tool in tools)]]
        means: dict[str, list[tuple[float, float]]] = {tool.name: [] for tool in tools}
        for label in labels:
            mine = [at for at in places if runs[at].label == label]
            row = [label, str(len(mine))]
            for tool in tools:
                said = answers[tool.name]
                named, first = (
                    [judge(runs[at], said[at]) for at in mine] for judge in (tool.named, tool.first)
                )
                means[tool.name].append((sum(named) / len(mine), sum(first) / len(mine)))
                row.append(f"{share(named)} / {share(first)}")
            rows.append(row)
        macro = ([sum(each[k] for each in means[tool.name]) / len(labels) for k in (0, 1)] for tool in tools)
        rows.append(["**macro**", str(len(places)), *(f"**{a:.2f} / {b:.2f}**" for a, b in macro)])
        for title, chosen in (
            ("false alarms", [at for at in places if runs[at].healthy]),
            ("ill runs flagged", [at for at in places if runs[at].ill]),
        ):
            flagged = (
                [answers[tool.name][at].flagged for at in chosen if answers[tool.name][at].said is not None]
                for tool in tools
            )
            rows.append([title, str(len(chosen)), *(f"{sum(each)} of {len(each)}" for each in flagged)])
        mute = (sum(answers[tool.name][at].said is None for at in places) for tool in tools)
        rows.append(["no answer", str(len(places)), *map(str, mute)])
        text += [f"### {source}", "", as_markdown(rows), ""]
    return "\n".join(text)


def steady_table(
    tools: Sequence[Tool],
    answers: Mapping[str, list[Answer]],
    scaled: Mapping[float, Mapping[str, list[Answer]]],
) -> str:
    """Of the runs a tool answered, how many get the same answer in another unit of the loss."""
    rows = [["losses", *(tool.name for tool in tools)]]
    for factor, others in scaled.items():
        row = [f"x {factor:g}"]
        for tool in tools:
            pairs = [
                (one.said, other.said)
                for one, other in zip(answers[tool.name], others[tool.name], strict=False)
                if one.said is not None
            ]
            row.append(f"{sum(one == other for one, other in pairs)} of {len(pairs)}")
        rows.append(row)
    return as_markdown(rows)


def forms_table(tools: Sequence[Tool], jobs: int, kept: Kept) -> str:
    """Of the sample runs in each form: how many a tool judges, and of how many of the judgeable it is right."""
    homes = sorted(path.parent for path in SAMPLES.rglob("expected.toml"))
    expected = {home: tomllib.loads((home / "expected.toml").read_text()) for home in homes}
    rows = [["form", "runs", *(tool.name for tool in tools)]]
    for form in FORMS:
        here = [home for home in homes if (home / form).exists()]
        row = [form or "the folder", str(len(here))]
        for tool in tools:
            answers = tool.ask_new([home / form for home in here], jobs, kept)
            runs = [
                Labelled(
                    "samples",
                    home.name,
                    "",
                    frozenset(expected[home]["accepted"]),
                    expected[home]["verdict"] in HEALTHY_VERDICTS,
                    {},
                )
                for home in here
            ]
            known = [
                (run, answer)
                for run, answer in zip(runs, answers, strict=True)
                if not run.accepted & UNJUDGED
            ]
            read = sum(answer.said is not None for answer in answers)
            right = sum(tool.named(run, answer) for run, answer in known)
            row.append(f"{read}, right {right} of {len(known)}" if read else "0")
        rows.append(row)
    return as_markdown(rows)


def write_unreadable(folder: Path) -> list[Path]:
    """Files and paths in which nobody can find a curve."""
    folder.mkdir()
    event_file = next((SAMPLES / "overfitting" / "tb").rglob("events*")).read_bytes()
    written: dict[str, bytes] = {
        "empty.csv": b"",
        "words.csv": b"name,colour\nanna,red\nbert,blue\n",
        "noise.csv": bytes(range(256)) * 8,
        "cut.json": b'{"loss": [0.7, 0.6',
        "evil.pkl": pickle.dumps(print),
        "events.out.tfevents.1.cut": event_file[:9],
    }
    for name, content in written.items():
        (folder / name).write_bytes(content)
    (folder / "nothing").mkdir()
    return [*(folder / name for name in written), folder / "nothing", folder / "missing.csv"]


def unreadable_table(tools: Sequence[Tool], paths: Sequence[Path]) -> str:
    """Exit codes on files nobody can read; 0 lets a CI job pass."""
    rows = [["input", *(tool.name for tool in tools)]]
    for path in paths:
        codes = [tool.ask(path).code for tool in tools]
        rows.append([path.name, *("reads no files" if code == -1 else str(code) for code in codes)])
    return as_markdown(rows)


def as_markdown(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def measure(
    tools: Sequence[Tool], runs: Sequence[Labelled], folder: Path, jobs: int, kept: Kept
) -> Iterator[str]:
    """Every table, one after the other, each with its heading."""
    yield "Versions: " + ", ".join(f"{tool.name} {tool.version()}" for tool in tools) + "."
    paths = [write_csv(run, folder / "runs" / f"{at:05}" / "log.csv") for at, run in enumerate(runs)]
    answers = {}
    for tool in tools:
        print(f"{tool.name} on {len(paths)} runs", file=sys.stderr)
        answers[tool.name] = tool.ask_new(paths, jobs, kept)
    yield "## Labelled runs: named / first\n\n" + recall_tables(tools, runs, answers).rstrip()
    seeded = [run for run in runs if run.source == "seeded_faults"]
    scaled = {}
    for factor in FACTORS:
        moved = [
            write_csv(run, folder / f"times{factor:g}" / f"{at:05}" / "log.csv", factor)
            for at, run in enumerate(seeded)
        ]
        scaled[factor] = {tool.name: tool.ask_new(moved, jobs, kept) for tool in tools}
    yield "## The same in another unit of the loss (seeded_faults)\n\n" + steady_table(tools, answers, scaled)
    bad = unreadable_table(tools, write_unreadable(folder / "bad"))
    yield "## Exit codes on what cannot be read\n\n" + bad
    print("sample logs", file=sys.stderr)
    yield "## Forms of the sample runs\n\n" + forms_table(tools, jobs, kept)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", action="append", default=[], metavar="TOOL=PYTHON")
    parser.add_argument("--seeds", type=int, default=0, help="small networks for each setting, trained now")
    parser.add_argument("--networks", type=Path, help="or a file of such networks, from small_networks.py")
    parser.add_argument("--trained", type=Path, help="a folder that trained_runs.py filled")
    parser.add_argument("--jobs", type=int, default=1, help="calls at a time")
    parser.add_argument("--answers", type=Path, help="keep the peers' answers here, and take them from here")
    parser.add_argument("--page", type=Path, help="a page to put the tables into")
    arguments = parser.parse_args()
    named = dict(each.partition("=")[::2] for each in arguments.peer)
    if unknown := set(named) - set(TOOLS):
        parser.error(f"unknown tool {', '.join(sorted(unknown))}; known are {', '.join(TOOLS)}")
    tools = [TOOLS[name](python) for name, python in {"traindiag": sys.executable, **named}.items()]
    runs = list(labelled_runs(arguments.seeds, arguments.networks, arguments.trained))
    kept: Kept = json.loads(arguments.answers.read_text()) if _is_there(arguments.answers) else {}
    parts = []
    with tempfile.TemporaryDirectory() as scratch:
        try:
            for part in measure(tools, runs, Path(scratch), arguments.jobs, kept):
                print(part, end="\n\n", flush=True)
                parts.append(part)
        finally:
            if arguments.answers:
                arguments.answers.write_text(json.dumps(kept))
    if arguments.page:
        put_into(arguments.page, "\n\n".join(parts))
    return 0


def _is_there(path: Path | None) -> bool:
    return path is not None and path.exists()


def put_into(page: Path, text: str) -> None:
    """Put the tables between the two marks of a page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
