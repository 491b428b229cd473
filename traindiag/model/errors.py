"""Errors a user can mend: each says what is wrong, where, and what to do next."""

from __future__ import annotations


class TraindiagError(Exception):
    """Base of every error traindiag raises on purpose.

    Args:
        what: the fault, in one clause.
        where: the file, option or object it is about; empty when there is none.
        next_step: what the reader of the message can do about it.
    """

    def __init__(self, what: str, *, where: str = "", next_step: str = "") -> None:
        self.what = what
        self.where = where
        self.next_step = next_step
        super().__init__(what)

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}; {self.next_step}" if self.next_step else head


class UnreadableError(TraindiagError):
    """A file looks like a log but cannot be read as one."""


class UsageError(TraindiagError):
    """The command or call was used wrongly: an unknown rule, a bad option, a missing extra."""
