"""Tables that Keras' CSVLogger writes, and `DataFrame(history.history).to_csv()`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice

from traindiag.model.errors import UnreadableError
from traindiag.model.run import Damage
from traindiag.readers.base import Fit, LogFile, LoggedRun, Reader, digest_of
from traindiag.readers.parsing.epochs import Attempt, attempts_of
from traindiag.readers.parsing.file_names import named_of
from traindiag.readers.parsing.joined import attempts_of_each, read_together
from traindiag.readers.parsing.layouts import Layout, iter_names, layout_of
from traindiag.readers.parsing.long_tables import keys_of
from traindiag.readers.parsing.tables import Table, read_table
from traindiag.readers.pausing import no_collection

_BATCH = 1_000
_EPOCH_NAMES = ("epoch",)
_INDEX_NAMES = ("", "unnamed: 0", "index")
_FOREIGN_WORDS = ("step", "global_step", "iter", "iteration", "batch")
_FOREIGN_PREFIXES = ("train_", "train/", "valid_", "eval_", "val/", "metrics/", "test_")


class KerasCsv(Reader):
    """Keras CSVLogger tables: one row an epoch, columns ``epoch, loss, ..., val_loss``.

    Recognised by a header with ``loss`` or ``val_loss`` (or a metric beside its ``val_`` twin) and no step
    column. Any separator, decimal commas, byte order marks, title lines, repeated headers, restarts that were
    appended, a missing epoch column and an unnamed index column are understood; broken rows are counted.
    """

    name = "keras-csv"
    precedence = 20

    def fit(self, file: LogFile) -> Fit:
        if not file.head.strip():
            return Fit.NAME if file.path.suffix.lower() == ".csv" else Fit.NO
        layout = layout_of(file)
        keras = layout is not None and _is_keras(layout) and keys_of(file) is None and named_of(file) is None
        return Fit.SURE if keras else Fit.NO

    def read(self, files: Sequence[LogFile]) -> Sequence[LoggedRun]:
        [file] = files
        layout = layout_of(file)
        if layout is None:
            raise file.unreadable(
                "the file is empty" if not file.head.strip() else "no header line with names of metrics",
                "check that the training wrote it to the end",
            )
        return _runs_of(file, read_table(file, layout))

    def read_many(
        self, groups: Iterable[Sequence[LogFile]]
    ) -> Iterator[Sequence[LoggedRun] | UnreadableError]:
        remaining = iter(groups)
        while batch := list(islice(remaining, _BATCH)):
            with no_collection():
                runs = self._read_batch([file for [file] in batch])
            yield from runs

    def _read_batch(self, files: Sequence[LogFile]) -> list[Sequence[LoggedRun] | UnreadableError]:
        together: dict[LogFile, tuple[list[Attempt], Mapping[str, str]]] = {}
        for joined in read_together(files):
            attempts = attempts_of_each(joined, axis_names=_EPOCH_NAMES, index_names=_INDEX_NAMES)
            together.update((file, (each, joined.details)) for file, each in attempts.items())
        out: list[Sequence[LoggedRun] | UnreadableError] = []
        for file in files:
            found = together.pop(file, None)
            try:
                if found is None:
                    out.append(self.read([file]))
                else:
                    out.append(_runs(file, found[0], digest_of(file.read_bytes()), (), found[1]))
            except UnreadableError as error:
                out.append(error)
        return out


def _runs_of(file: LogFile, table: Table) -> list[LoggedRun]:
    runs = attempts_of(table, axis_names=_EPOCH_NAMES, index_names=_INDEX_NAMES)
    return _runs(file, runs, table.digest, table.damage, table.details)


def _runs(
    file: LogFile,
    runs: Sequence[Attempt],
    digest: str,
    damage: tuple[Damage, ...],
    details: Mapping[str, str],
) -> list[LoggedRun]:
    if not runs:
        raise file.unreadable("a header but no row of numbers", "check that the training finished an epoch")
    return [
        LoggedRun(
            files=(file,),
            series=run.series,
            label=run.label,
            digest=digest,
            damage=damage,
            details={**details, **run.details},
        )
        for run in runs
    ]


@lru_cache(maxsize=64)
def _is_keras(layout: Layout) -> bool:
    names = {name.lower() for name in layout.names}
    numeric = {name.lower() for name in iter_names(layout)}
    if names & set(_FOREIGN_WORDS) or any(name.startswith(_FOREIGN_PREFIXES) for name in names):
        return False
    # Without epochs, a column of words makes it a table of results, one row a model.
    if "epoch" not in names and numeric and any(name not in numeric | {""} for name in names):
        return False
    twins = any(f"val_{name}" in names for name in names)
    keras = bool(names & {"loss", "val_loss"}) or twins
    # A header alone (the training died in its first epoch) is still this format.
    return keras and (bool(numeric) or "epoch" in names)
