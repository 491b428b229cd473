"""traindiag reads the logs of training runs, says what went wrong and where, and what to change.

    >>> import traindiag
    >>> report = traindiag.diagnose({"loss": [2.3, 1.9, 1.6], "val_loss": [2.3, 2.0, 1.8]})
    >>> report.runs[0].verdict.rule
    'too-short'

Importing this package loads neither pandas nor matplotlib nor Keras: names are resolved on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from traindiag.api import compare, diagnose, read, read_all, render

__all__ = ["__version__", "compare", "diagnose", "read", "read_all", "render"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from traindiag import api

        return getattr(api, name)
    raise AttributeError(f"module 'traindiag' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
