"""What can be said of many runs at once: verdicts, folders, hyper-parameters, and what was spent for nothing."""

from __future__ import annotations

import posixpath
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from traindiag.analysis.separation import Separation, separations
from traindiag.model.finding import Severity, Verdict
from traindiag.model.report import RunReport
from traindiag.reports.numbers import counted, short
from traindiag.reports.ranking import most_severe_first

MANY_RUNS = 20
"""With more runs than this a report begins with what holds for all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictCount:
    """The runs of one verdict.

    Attributes:
        verdict: that of the surest run.
        runs: the surest first.
        separations: what separates them from all other runs; empty where ill runs have only one verdict, for then
            the summary says it already.
    """

    verdict: Verdict
    runs: tuple[RunReport, ...]
    separations: tuple[Separation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderCount:
    """The runs of one folder.

    Attributes:
        folder: relative to the path that was given.
        runs, ill: how many.
        mostly: the most frequent verdict of those that are ill, else of all.
    """

    folder: str
    runs: int
    ill: int
    mostly: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What ill runs cost after their best epoch, of what all runs cost.

    Attributes:
        epochs, of_epochs: after the best epoch of ill runs; logged in all.
        seconds, of_seconds: the same, of the runs whose logs tell the time; 0 where none does.
        timed: how many runs these are.
    """

    epochs: int
    of_epochs: int
    seconds: float
    of_seconds: float
    timed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Everything said of many runs at once; lists are the worst first."""

    verdicts: tuple[VerdictCount, ...]
    folders: tuple[FolderCount, ...]
    separations: tuple[Separation, ...]
    spent: Spent

    @property
    def tells_apart(self) -> bool:
        """Whether it is known of any verdict what sets its runs apart."""
        return any(each.separations for each in self.verdicts)


def summary_of(runs: Sequence[RunReport]) -> Summary:
    """What holds for all of some runs."""
    judged = [run for run in runs if run.verdict.status != "unjudged"]
    return Summary(
        verdicts=tuple(_verdicts(runs)),
        folders=tuple(_folders(runs)),
        separations=tuple(separations([(run.verdict.status == "ill", run.params) for run in judged])),
        spent=_spent(runs),
    )


def _verdicts(runs: Sequence[RunReport]) -> list[VerdictCount]:
    groups: dict[tuple[str, Severity], list[RunReport]] = defaultdict(list)
    for run in most_severe_first(runs):
        groups[run.verdict.rule, run.verdict.severity].append(run)
    shared = _shared(runs)
    counts = [
        VerdictCount(
            verdict=each[0].verdict,
            runs=tuple(sorted(each, key=lambda run: -run.verdict.confidence)),
            separations=shared.get(each[0].verdict.rule, ()),
        )
        for each in groups.values()
    ]
    worst = {id(run): place for place, run in enumerate(most_severe_first(count.runs[0] for count in counts))}
    return sorted(
        counts,
        key=lambda each: (
            each.verdict.status != "ill",
            each.verdict.status != "unjudged",
            -each.verdict.severity.rank,
            -len(each.runs),
            worst[id(each.runs[0])],
        ),
    )


def _shared(runs: Sequence[RunReport]) -> dict[str, tuple[Separation, ...]]:
    """What the runs of each ill verdict have in common that the others have not."""
    judged = [run for run in runs if run.verdict.status != "unjudged"]
    rules = {run.verdict.rule for run in judged if run.verdict.status == "ill"}
    if len(rules) < 2:
        return {}
    return {
        rule: tuple(separations([(run.verdict.rule == rule, run.params) for run in judged], calls=len(rules)))
        for rule in rules
    }


def _folders(runs: Sequence[RunReport]) -> list[FolderCount]:
    """By the folder above each run; by one further up where nearly every run has a folder of its own."""
    names = [posixpath.dirname(run.name.rpartition("#")[0] or run.name) for run in runs]
    while len(set(names)) * 3 > len(runs) and any(names):
        names = [posixpath.dirname(name) for name in names]
    groups: dict[str, list[RunReport]] = defaultdict(list)
    for name, run in zip(names, runs, strict=True):
        groups[name].append(run)
    counts = [_folder(name, each) for name, each in groups.items()]
    return sorted(counts, key=lambda each: (-each.ill / each.runs, -each.ill, each.folder))


def _folder(name: str, runs: Sequence[RunReport]) -> FolderCount:
    ill = [run for run in runs if run.verdict.status == "ill"]
    counted = Counter(run.verdict.rule for run in ill or runs)
    rule, _ = max(counted.items(), key=lambda item: (item[1], item[0]))
    verdict = next(run.verdict for run in ill or runs if run.verdict.rule == rule)
    return FolderCount(folder=name or ".", runs=len(runs), ill=len(ill), mostly=verdict)


def _spent(runs: Sequence[RunReport]) -> Spent:
    efforts = [(run.verdict.status == "ill", run.effort) for run in runs if run.effort is not None]
    timed = [(ill, effort) for ill, effort in efforts if effort.seconds is not None]
    return Spent(
        epochs=sum(effort.after_best for ill, effort in efforts if ill),
        of_epochs=sum(effort.epochs for _, effort in efforts),
        seconds=sum(effort.seconds_after_best or 0.0 for ill, effort in timed if ill),
        of_seconds=sum(effort.seconds or 0.0 for _, effort in timed),
        timed=len(timed),
    )


def separation_text(each: Separation, what: str = " ill") -> str:
    """``lr at least 0.1: 334 of 334 ill (100%); else 0 of 666 (0%)``, the side with more of them first."""
    value = short(each.value) if isinstance(each.value, float) else str(each.value)
    yes, no = (each.ill_yes, each.of_yes), (each.ill_no, each.of_no)
    if each.difference < 0:
        (yes, no), relation = (no, yes), "below" if each.is_limit else "not"
    else:
        relation = "at least" if each.is_limit else "is"
    return (
        f"{each.name} {relation} {value}: {yes[0]:,} of {yes[1]:,}{what} ({yes[0] / yes[1]:.0%}); "
        f"else {no[0]:,} of {no[1]:,} ({no[0] / no[1]:.0%})"
    )


def spent_text(spent: Spent, runs: int) -> str:
    """One sentence on epochs and hours; empty where no ill run went on after its best epoch."""
    if not spent.epochs:
        return ""
    text = (
        f"{spent.epochs:,} of {spent.of_epochs:,} epochs ({spent.epochs / spent.of_epochs:.0%}) "
        "came after the best epoch of an ill run"
    )
    if spent.of_seconds:
        hours, total = spent.seconds / 3600, spent.of_seconds / 3600
        text += f", {hours:,.1f} of {total:,.1f} hours"
        if spent.timed < runs:
            text += f" (by the {counted(spent.timed, 'log')} with times)"
    return text + "."
