"""The formats of one kind of report: one module of a package each, loaded when it is asked for."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from abc import ABC
from pathlib import PurePath
from typing import ClassVar, Generic, TypeVar

from traindiag.model.errors import UsageError
from traindiag.model.nearest import did_you_mean


class Format(ABC):
    """A format. One subclass a file, in the module of its name; its docstring says what it is for.

    Class attributes:
        name: what ``--format`` takes: ``json``.
        suffixes: file name ends that choose it for ``-o``: ``(".json",)``.
    """

    name: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]] = ()


Kind = TypeVar("Kind", bound=Format)


class Formats(Generic[Kind]):
    """What a package has to offer.

    Args:
        package: full name; its modules make themselves known by `add`.
    """

    def __init__(self, package: str) -> None:
        self.package = package
        self._known: dict[str, type[Kind]] = {}

    def add(self, format: type[Kind]) -> None:
        """Make a format known; called when its class is made."""
        self._known[format.name] = format

    def named(self, name: str) -> Kind:
        """One format; only its own module is loaded.

        Raises:
            UsageError: there is no such format.
        """
        if name not in self._known and name.isidentifier():
            module = f"{self.package}.{name}"
            if importlib.util.find_spec(module) is not None:
                importlib.import_module(module)
        if name not in self._known:
            names = list(self.all())
            raise UsageError(
                f"unknown format {name!r}",
                next_step=did_you_mean(name, names, otherwise=f"choose one of {', '.join(names)}"),
            )
        return self._known[name]()

    def all(self) -> dict[str, type[Kind]]:
        """Every format by name."""
        for module in pkgutil.iter_modules(importlib.import_module(self.package).__path__):
            importlib.import_module(f"{self.package}.{module.name}")
        return dict(sorted(self._known.items()))

    def of_suffix(self, path: PurePath) -> str | None:
        """The format whose suffix the file name ends in, None when no format claims it."""
        name = path.name.lower()
        claims = [
            (suffix, format)
            for format, each in self.all().items()
            for suffix in each.suffixes
            if name.endswith(suffix)
        ]
        return max(claims, key=lambda claim: len(claim[0]))[1] if claims else None
