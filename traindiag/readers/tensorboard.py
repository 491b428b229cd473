"""The reader of TensorBoard event files."""

from __future__ import annotations

import io
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, BinaryIO, ClassVar

from traindiag.model.errors import UnreadableError
from traindiag.model.run import Damage
from traindiag.readers.base import HEAD_BYTES, Fit, LogFile, LoggedRun, NotALogError, Reader, digest_of
from traindiag.readers.eventfiles import protowire
from traindiag.readers.eventfiles.crc32c import masked_crc, short_lengths
from traindiag.readers.eventfiles.eventfile import EventFile
from traindiag.readers.eventfiles.events import read_event_files
from traindiag.readers.eventfiles.framing import FRAME, HEADER, Loss
from traindiag.readers.eventfiles.pages import PAGE_BYTES
from traindiag.readers.eventfiles.sessions import LoadedFile, Session, sessions_of
from traindiag.readers.eventfiles.tagseries import series_of_tags
from traindiag.readers.folders import of_hparams
from traindiag.readers.pausing import no_collection

_NAME = re.compile(r"tfevents", re.IGNORECASE)
_VERSION = b"brain.Event:"
VERDICT_TAG = "traindiag/verdict"
"""The text that ``--to-tensorboard`` writes beside a run. It is no log."""
_SPLIT_FOLDERS = {
    "train": "train", "training": "train", "learn": "train",
    "validation": "val", "val": "val", "valid": "val", "eval": "val", "evaluation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
_TAG_AND_SPLIT = re.compile(rf"(.+)_({'|'.join(_SPLIT_FOLDERS)})", re.IGNORECASE)
_PEEKED_RECORDS = 4
_BATCH_BYTES = 64 << 20
_LEAST_PAGE = 64 << 10
_HUGE, _HUGE_PAGE = 256 << 20, 16 << 20
"""Files of this size are mostly images and histograms: fewer and larger pages hold enough scalars each."""
_MAX_DAMAGE = 100
"""Places of damage listed for one file; further ones are summed up."""


class TensorBoardReader(Reader):
    """TensorBoard event files of Keras, TensorFlow 1 and 2, PyTorch and tensorboardX.

    Recognised by the checksum of the first record and the event in it, else by ``tfevents`` in the name.
    Reads scalars of every numeric type, the model that Keras' TensorBoard callback writes, and the hparams
    plugin; passes images, graphs and audio over, and histograms unless they are asked for: ``histograms=True`` of
    the Python functions reduces each to its extremes, mean, norm and, where its buckets tell, share of zeros,
    named ``gradient_norm/<layer>``, ``zero_fraction/<layer>`` (activations), ``weight_norm/<layer>`` and so on.
    Needs neither TensorFlow nor TensorBoard.

    Folders ``train/`` (CatBoost's ``learn/``), ``validation/`` (also val, valid, eval, evaluation, dev) and ``test/``
    of one folder are splits of one run, and so are the folders that PyTorch's ``add_scalars`` makes, ``Loss_train/``
    and ``Loss_val/`` with the tag ``Loss`` in both. Several event files of one folder are one run when they continue
    each other, resume at a later step, or log different tags; files that begin the same tags anew are separate runs.

    ``epoch_*`` tags are on the epoch axis and lose the prefix; all others are on the step axis, with the
    epoch filled in where the file shows where epochs end. After a damaged record reading goes on with
    the next one whose checksum is right, and what was lost is counted.
    """

    name: ClassVar[str] = "tensorboard"
    precedence: ClassVar[int] = 10

    def fit(self, file: LogFile) -> Fit:
        if _is_versioned(file.head):
            return Fit.SURE
        event = _first_event(file.head)
        if _NAME.search(file.name):
            return Fit.CONTENT if event is not None else Fit.NAME
        return Fit.CONTENT if event is not None and event.values else Fit.NO

    def groups(self, files: Sequence[LogFile]) -> Iterable[Sequence[LogFile]]:
        _note_tags_by_split(files)
        runs: dict[str, list[LogFile]] = defaultdict(list)
        folders = {os.path.dirname(file.where) for file in files}
        for file in files:
            folder, run, _ = _folders(file)
            runs[os.path.dirname(folder) if of_hparams(folder, folders) else run].append(file)
        return list(runs.values())

    def read(self, files: Sequence[LogFile]) -> Sequence[LoggedRun]:
        return _runs(_load(files))

    def read_many(
        self, groups: Iterable[Sequence[LogFile]]
    ) -> Iterator[Sequence[LoggedRun] | UnreadableError]:
        for batch in _batches(groups):
            with no_collection():
                runs = _runs_of_each(batch)
            yield from runs


def _batches(groups: Iterable[Sequence[LogFile]]) -> Iterator[list[Sequence[LogFile]]]:
    """Groups to be read in one go: as many as fit `_BATCH_BYTES`, at least one."""
    batch: list[Sequence[LogFile]] = []
    total = 0
    for group in groups:
        size = sum(map(_size, group))
        if batch and total + size > _BATCH_BYTES:
            yield batch
            batch, total = [], 0
        batch.append(group)
        total += size
    if batch:
        yield batch


def _runs_of_each(batch: Sequence[Sequence[LogFile]]) -> list[list[LoggedRun] | UnreadableError]:
    """The runs of each group of files, or why there are none; all files are read together."""
    contents = iter(_load([file for group in batch for file in group]))
    out: list[list[LoggedRun] | UnreadableError] = []
    for group in batch:
        try:
            out.append(_runs(list(islice(contents, len(group)))))
        except UnreadableError as error:
            out.append(error)
    return out


def _size(file: LogFile) -> int:
    """Bytes of a file; 0 when it cannot even be asked."""
    try:
        return file.size
    except UnreadableError:
        return 0


def _runs(contents: Sequence[LoadedFile | UnreadableError]) -> list[LoggedRun]:
    """The runs of one group of files."""
    loaded = [each for each in contents if isinstance(each, LoadedFile)]
    failures = [each for each in contents if isinstance(each, UnreadableError)]
    if not loaded:
        raise failures[0]
    if not any(each.events.scalars for each in loaded):
        raise _nothing_in(loaded)
    sessions, why = sessions_of(loaded)
    runs = []
    for number, session in enumerate(sessions, 1):
        label = str(number) if len(sessions) > 1 and len(session.files) > 1 else ""
        runs.append(_logged(session, label, why, failures if number == 1 else []))
    return runs


def _is_versioned(head: bytes) -> bool:
    """Whether the file begins with a record whose length has its checksum and which names the format."""
    length = int.from_bytes(head[:8], "little")
    if len(head) < HEADER or length > 0xFFFF:
        return False
    crc = int(short_lengths()[length])
    return crc == int.from_bytes(head[8:HEADER], "little") and _VERSION in head[HEADER : HEADER + length]


def _first_event(head: bytes) -> protowire.Event | None:
    """The event in the first record, when its checksums are right."""
    length = int.from_bytes(head[:8], "little")
    if len(head) < HEADER or masked_crc(head[:8]) != int.from_bytes(head[8:HEADER], "little"):
        return None
    payload = head[HEADER : HEADER + length]
    stored = head[HEADER + length : FRAME + length]
    if len(stored) < 4 or masked_crc(payload) != int.from_bytes(stored, "little"):
        return None
    try:
        return protowire.event(payload)
    except protowire.WireError:
        return None


def _folders(file: LogFile) -> tuple[str, str, str]:
    """The file's folder, the folder of the run, and the split the former names (empty where it does not)."""
    folder = os.path.dirname(file.where)
    above, name = os.path.split(folder)
    split = file.memo.get("split") or _SPLIT_FOLDERS.get(name.lower(), "")
    return folder, (above if split else folder), split


def _note_tags_by_split(files: Iterable[LogFile]) -> None:
    """Notes the split of files that PyTorch's ``add_scalars("Loss", {"train": ..., "val": ...})`` wrote.

    It makes a folder a curve, ``Loss_train`` and ``Loss_val`` beside each other, and in each an event file with the
    tag ``Loss``. A folder counts when its name is that of its tag and a split, and one of another split is beside it.
    """
    found: dict[tuple[str, str], list[tuple[LogFile, str]]] = defaultdict(list)
    for file in files:
        above, name = os.path.split(os.path.dirname(file.where))
        named = _TAG_AND_SPLIT.fullmatch(name)
        if named and {_slug(tag) for tag in _first_tags(file)} == {_slug(named[1])}:
            found[above, _slug(named[1])].append((file, _SPLIT_FOLDERS[named[2].lower()]))
    for curves in found.values():
        if len({split for _, split in curves}) > 1:
            for file, split in curves:
                file.memo["split"] = split


def _slug(name: str) -> str:
    """A tag as it stands in a folder's name: ``/`` and the like are underscores there."""
    return re.sub(r"\W", "_", name)


def _first_tags(file: LogFile) -> set[str]:
    """The tags in the first records of a file."""
    tags: set[str] = set()
    try:
        head, at = file.head, 0
    except UnreadableError:  # Gone since it was recognised: reading it will say so.
        return tags
    for _ in range(_PEEKED_RECORDS):
        length = int.from_bytes(head[at : at + 8], "little")
        payload = head[at + HEADER : at + HEADER + length]
        if not payload or len(payload) < length:
            break
        try:
            tags |= {value.tag.decode("utf-8", "replace") for value in protowire.event(payload).values}
        except protowire.WireError:
            break
        at += FRAME + length
    return tags


def _load(files: Sequence[LogFile]) -> list[LoadedFile | UnreadableError]:
    """The content of each file, or why it cannot be opened."""
    failures: dict[int, UnreadableError] = {}

    def opened() -> Iterator[BinaryIO]:
        for index, file in enumerate(files):
            try:
                yield _open(file)
            except UnreadableError as error:
                failures[index] = error
                yield io.BytesIO()

    total = sum(map(_size, files))
    page_bytes = min(PAGE_BYTES if total < _HUGE else _HUGE_PAGE, total + _LEAST_PAGE)
    histograms = any(file.histograms for file in files)
    contents = read_event_files(opened(), histograms=histograms, page_bytes=page_bytes)
    return [
        failures[index] if index in failures else _loaded(file, events)
        for index, (file, events) in enumerate(zip(files, contents, strict=True))
    ]


def _open(file: LogFile) -> BinaryIO:
    """The file at its beginning; a small one has been read whole to recognise it."""
    if not file.in_memory and file.size < HEAD_BYTES and len(file.head) < HEAD_BYTES:
        return io.BytesIO(file.head)
    return file.open()


def _loaded(file: LogFile, events: EventFile) -> LoadedFile:
    folder, _, split = _folders(file)
    return LoadedFile(file=file, folder=folder, split=split, events=events)


def _nothing_in(loaded: Sequence[LoadedFile]) -> UnreadableError:
    """The error for files of which none holds a scalar."""
    first = loaded[0]
    if all(each.events.records == 0 for each in loaded):
        empty = all(each.file.size == 0 for each in loaded)
        what = (
            "the event file is empty"
            if empty
            else "no event can be read, the file is damaged or no event file"
        )
        return first.file.unreadable(what, "check that it was copied whole")
    if all(VERDICT_TAG.encode() in each.file.head for each in loaded):
        return NotALogError(
            "only what traindiag said of a run", where=first.file.shown, next_step="name the logs of the run"
        )
    return first.file.unreadable(
        "an event file without scalars", "log metrics, for example with keras.callbacks.TensorBoard"
    )


def _logged(session: Session, label: str, why: str, failures: Sequence[UnreadableError]) -> LoggedRun:
    series, details = series_of_tags(session)
    params = _params(session, details)
    if why:
        details["files"] = why
    damage = [damage for each in session.files for damage in _damage(each.file, each.events)]
    damage += [Damage(path=e.where, place="byte 0", what=e.what, records=0, size=0) for e in failures]
    return LoggedRun(
        files=tuple(each.file for each in session.files),
        series=series,
        label=label,
        digest=digest_of(*(each.events.digest for each in session.files)),
        damage=tuple(damage),
        details=details,
        params=params,
    )


def _params(session: Session, details: dict[str, str]) -> dict[str, Any]:
    """Hyper-parameters by name, and under ``keras`` the model that Keras wrote."""
    params: dict[str, Any] = {}
    for each in session.files:
        params.update(each.events.hparams)
        if each.events.keras is not None:
            model = _model_of(each.events.keras)
            if model is None:
                details["model"] = "the keras tag holds no JSON"
            elif isinstance(model, dict):
                params["keras"] = model
                details["model"] = "from the keras tag"
    return params


@lru_cache(maxsize=16)
def _model_of(text: bytes) -> Any:
    """The JSON of a model; None where it is none. Runs of one script mostly have one and the same."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _damage(file: LogFile, events: EventFile) -> list[Damage]:
    if not events.losses:
        return []
    losses = sorted(events.losses, key=lambda loss: loss.offset)
    listed = [_as_damage(file, loss) for loss in losses[:_MAX_DAMAGE]]
    if rest := losses[_MAX_DAMAGE:]:
        total = Loss(rest[0].offset, sum(x.size for x in rest), sum(x.records for x in rest), "")
        listed.append(_as_damage(file, total, "more places of damage"))
    return listed


def _as_damage(file: LogFile, loss: Loss, what: str = "") -> Damage:
    return Damage(
        path=file.shown,
        place=f"byte {loss.offset}",
        what=what or loss.what,
        records=loss.records,
        size=loss.size,
    )
