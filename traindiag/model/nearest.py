"""The name that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The closest of `names` by spelling, None when nothing comes near."""
    from difflib import get_close_matches

    lowered = {each.lower(): each for each in names}
    found = get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    return lowered[found[0]] if found else None


def did_you_mean(name: str, names: Iterable[str], otherwise: str) -> str:
    """The next step for an unknown name: the nearest right one, or `otherwise`."""
    found = nearest(name, names)
    return f"did you mean {found}?" if found else otherwise
