"""Which hyper-parameters separate ill runs from healthy ones.

Of each parameter the one question is looked for that tells ill and healthy runs best apart: is a number at or above a
limit, is a word this one. What could be chance among as many questions as were asked is left out: Fisher's exact test
(R. A. Fisher, 1922), times the number of questions (Bonferroni).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Plain = float | str | bool
LEAST_RUNS = 10
LEAST_DIFFERENCE = 0.2
"""Difference of the shares of ill runs, below which nobody would act on it."""
MOST_CHANCE = 0.01
_MOST_QUESTIONS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Separation:
    """One question to a parameter, and how ill the runs are that answer yes and no.

    Attributes:
        name: of the parameter.
        value: the limit of a number, or a word.
        is_limit: whether runs at or above `value` answer yes; else those that have it.
        ill_yes, of_yes, ill_no, of_no: ill runs and all runs that answer yes and no.
        chance: how likely so clear an answer were if the parameter did not matter, at most.
    """

    name: str
    value: Plain
    is_limit: bool
    ill_yes: int
    of_yes: int
    ill_no: int
    of_no: int
    chance: float

    @property
    def difference(self) -> float:
        """Share of ill runs among those that answer yes, less that among the others."""
        return self.ill_yes / self.of_yes - self.ill_no / self.of_no


def separations(runs: Sequence[tuple[bool, Mapping[str, Plain]]], *, calls: int = 1) -> list[Separation]:
    """The best question of every parameter that matters, the clearest first.

    Args:
        runs: whether each is ill, and its parameters.
        calls: how many illnesses the same runs are asked about: each more is one more occasion for chance.
    """
    names = sorted({name for _, params in runs for name in params})
    asked = {
        name: list(_questions(name, [(ill, each[name]) for ill, each in runs if name in each]))
        for name in names
    }
    count = calls * sum(map(len, asked.values()))
    best = [min(each, key=lambda s: (s.chance, -abs(s.difference))) for each in asked.values() if each]
    kept = [
        each
        for each in best
        if each.chance * count < MOST_CHANCE and abs(each.difference) >= LEAST_DIFFERENCE
    ]
    return sorted(kept, key=lambda each: (-abs(each.difference), each.chance, each.name))


def _questions(name: str, answers: Sequence[tuple[bool, Plain]]) -> Iterator[Separation]:
    if len(answers) < LEAST_RUNS:
        return
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for _, value in answers):
        yield from _limits(name, [(ill, float(value)) for ill, value in answers])
        return
    runs, ill = (
        Counter(str(value) for _, value in answers),
        Counter(str(value) for ill, value in answers if ill),
    )
    if len(runs) > min(_MOST_QUESTIONS, len(answers) // 2):
        return  # Nearly every run has its own: that is a name, no parameter.
    values = sorted(runs)
    if len(values) == 2:  # One question is the other one turned round: the one with more ill runs is asked.
        values = [max(values, key=lambda value: ill[value] / runs[value])]
    for value in values:
        yield from _asked(name, value, False, ill[value], runs[value], ill.total(), runs.total())


def _limits(name: str, answers: Sequence[tuple[bool, float]]) -> Iterator[Separation]:
    every = np.sort([value for _, value in answers if not math.isnan(value)])
    ill = np.sort([value for is_ill, value in answers if is_ill and not math.isnan(value)])
    values = np.unique(every[np.isfinite(every)])[1:]
    step = max(1, math.ceil(len(values) / _MOST_QUESTIONS))
    for limit in values[::step].tolist():
        ill_yes, of_yes = (len(each) - int(np.searchsorted(each, limit)) for each in (ill, every))
        yield from _asked(name, limit, True, ill_yes, of_yes, len(ill), len(every))


def _asked(
    name: str, value: Plain, is_limit: bool, ill_yes: int, of_yes: int, ill: int, runs: int
) -> Iterator[Separation]:
    if 0 < of_yes < runs:
        yield Separation(
            name=name,
            value=value,
            is_limit=is_limit,
            ill_yes=ill_yes,
            of_yes=of_yes,
            ill_no=ill - ill_yes,
            of_no=runs - of_yes,
            chance=fisher(ill_yes, of_yes, ill, runs),
        )


def fisher(both: int, one: int, other: int, total: int) -> float:
    """Fisher's exact test: twice the probability of an overlap this far from what is expected, at most 1.

    Args:
        both: members of two groups at once.
        one, other: sizes of the groups.
        total: how many there are.
    """
    expected = one * other / total
    step = 1 if both >= expected else -1
    end = min(one, other) if step > 0 else max(0, one + other - total)
    term = math.exp(_log_probability(both, one, other, total))
    tail = 0.0
    at = both
    while term > 0:
        tail += term
        if at == end or term < tail * 1e-12:
            break
        # The ratio of neighbouring terms of the hypergeometric distribution.
        up = (one - at) * (other - at) / ((at + 1) * (total - one - other + at + 1)) if step > 0 else 0.0
        down = at * (total - one - other + at) / ((one - at + 1) * (other - at + 1)) if step < 0 else 0.0
        term *= up or down
        at += step
    return min(1.0, 2 * tail)


def _log_probability(both: int, one: int, other: int, total: int) -> float:
    return _log_choices(other, both) + _log_choices(total - other, one - both) - _log_choices(total, one)


def _log_choices(of: int, take: int) -> float:
    return math.lgamma(of + 1) - math.lgamma(take + 1) - math.lgamma(of - take + 1)
