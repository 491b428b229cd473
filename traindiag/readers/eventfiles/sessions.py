"""Which event files are one training.

One folder may hold the files of one run that was resumed, of one run with several writers, or of dozens of
unrelated runs. Files belong together when

- they share no tag (several writers of one run),
- one repeats points of the other (copied or overlapping files), or
- one goes on where the other ended, or resumes at a later step than it began with (a restart).

A file that begins the same tags anew, at or before their first step, or that has been written at the same
time with other values, is a run of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from traindiag.readers.base import LogFile
from traindiag.readers.eventfiles.eventfile import EventFile, Scalars


@dataclass(frozen=True, slots=True, eq=False)
class LoadedFile:
    """An event file with its content.

    Attributes:
        file: where it is.
        folder: the folder it lies in.
        split: train, val or test as its folder's name tells; empty where that tells nothing.
        events: what it holds.
    """

    file: LogFile
    folder: str
    split: str
    events: EventFile

    @property
    def span(self) -> tuple[float, float]:
        """First and last wall time; NaN where there are no points."""
        return _span([self])


@dataclass(slots=True, eq=False)
class Session:
    """The files of one training, in the order of their beginnings."""

    files: list[LoadedFile] = field(default_factory=list)

    @property
    def span(self) -> tuple[float, float]:
        """First and last wall time of all points."""
        return _span(self.files)


def _span(files: Sequence[LoadedFile]) -> tuple[float, float]:
    walls = [points.wall_time for each in files for points in each.events.scalars.values()]
    if not walls:
        return np.nan, np.nan
    with np.errstate(all="ignore"):
        begin = min(float(np.fmin.reduce(wall)) for wall in walls)
        return begin, max(float(np.fmax.reduce(wall)) for wall in walls)


def sessions_of(files: Sequence[LoadedFile]) -> tuple[list[Session], str]:
    """The trainings among the event files of one run folder, and what was decided, in a few words.

    Files without points go to the first session, for what else they tell.
    """
    with_points = [each for each in files if each.events.scalars]
    if len({each.folder for each in with_points}) == len(with_points):
        return [Session(list(files))], ""
    folders: dict[str, list[LoadedFile]] = defaultdict(list)
    for each in sorted(with_points, key=lambda each: (_order(each), each.file.name)):
        folders[each.folder].append(each)
    by_folder = [_sessions_of_folder(each) for each in folders.values()]
    # Training says how many trainings there were: a validation may well repeat a step.
    main = max(by_folder, key=lambda sessions: (sessions[0].files[0].split in ("train", ""), len(sessions)))
    for sessions in by_folder:
        if sessions is not main:
            for session in sessions:
                _nearest(main, session).files.extend(session.files)
    main[0].files.extend(each for each in files if not each.events.scalars)
    return main, _decision(main, with_points)


def _order(each: LoadedFile) -> float:
    begin = each.span[0]
    return begin if np.isfinite(begin) else np.inf


def _sessions_of_folder(files: Sequence[LoadedFile]) -> list[Session]:
    sessions: list[Session] = []
    for each in files:
        joined = next((known for known in reversed(sessions) if _belongs(known, each)), None)
        if joined is None:
            sessions.append(Session([each]))
        else:
            joined.files.append(each)
    return sessions


def _belongs(session: Session, file: LoadedFile) -> bool:
    """Whether the file goes on with, repeats, or accompanies the session."""
    pairs = [
        (known.events.scalars[tag], points)
        for known in session.files
        for tag, points in file.events.scalars.items()
        if tag in known.events.scalars
    ]
    if not pairs:
        return True
    if any(_repeats(old, new) for old, new in pairs):
        return True
    # Keras counts batches anew after every fit; its epochs tell whether a training was resumed.
    by_epoch = [
        (known.events.scalars[tag], points)
        for known in session.files
        for tag, points in file.events.scalars.items()
        if tag.startswith("epoch_") and tag in known.events.scalars
    ]
    return all(_resumes(old, new) for old, new in by_epoch or pairs)


def _repeats(old: Scalars, new: Scalars) -> bool:
    """Whether the two share a point: the same step, wall time and value."""
    if len(old) == 0 or len(new) == 0:
        return False
    return bool(np.isin(point_keys(new), point_keys(old)).any())


def _resumes(old: Scalars, new: Scalars) -> bool:
    """Whether `new` begins after `old`, in time and in steps (its first step may lie inside `old`)."""
    later = bool(np.nanmin(new.wall_time) >= np.nanmax(old.wall_time)) if _timed(old, new) else True
    return later and int(new.step.min()) > int(old.step.min())


def _timed(*points: Scalars) -> bool:
    return all(bool(np.isfinite(each.wall_time).any()) for each in points)


def point_keys(points: Scalars) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """One opaque item a point, equal where step, wall time and value are the same bits."""
    rows = np.empty((len(points), 3), dtype=np.int64)
    rows[:, 0] = points.step
    rows[:, 1] = points.wall_time.view(np.int64)
    rows[:, 2] = points.value.view(np.int64)
    return rows.view(np.dtype((np.void, 24))).ravel()


def _nearest(sessions: Sequence[Session], other: Session) -> Session:
    """The session that ran when the other one began; the last one before it otherwise."""
    begin = other.span[0]
    if not np.isfinite(begin):
        return sessions[0]

    def distance(session: Session) -> float:
        first, last = session.span
        if first <= begin <= last:
            return 0.0
        gap = begin - last if begin > last else first - begin
        return float(gap) if np.isfinite(gap) else np.inf

    return min(sessions, key=distance)


def _decision(sessions: Sequence[Session], files: Sequence[LoadedFile]) -> str:
    if len(sessions) > 1:
        return f"{len(files)} event files begin the same tags anew: {len(sessions)} separate runs"
    return f"{len(files)} event files in order of time are one run"
