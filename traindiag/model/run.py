"""A run: the logs of one training, read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from traindiag.model.curve import Curve, curves_of_series
from traindiag.model.frame import Series, frame_from_series, series_of_frame

if TYPE_CHECKING:
    import pandas as pd

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """Something in a file that could not be read although the rest could.

    Attributes:
        path: the file, as shown to the user.
        place: where in it: ``byte 1024``, ``line 17``.
        what: what is wrong there, in a few words.
        records: how many records or rows were lost (at least).
        size: how many bytes were passed over.
    """

    path: str
    place: str
    what: str
    records: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a run was read from.

    Attributes:
        path: as the user typed it, joined with what was found below it.
        reader: name of the reader, ``keras-csv``.
        digest: hex digest of the bytes read; empty for runs held in memory.
        also: other files that hold the same run, not read again.
        damage: what was lost while reading.
        details: what the reader inferred, each in a few words: ``{"epochs": "one-based, shifted"}``.
    """

    path: str
    reader: str
    digest: str = ""
    also: tuple[str, ...] = ()
    damage: tuple[Damage, ...] = ()
    details: Mapping[str, str] = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True, slots=True, init=False, eq=False)
class Run:
    """One training run.

    Attributes:
        name: unique within one call, relative to the path it was found below.
        source: the file or folder and the reader.
        series: the rows of each (split, metric), in the order logged.
        params: hyper-parameters and configuration found in the log, by name.
    """

    name: str
    source: Source
    series: tuple[Series, ...] = field(repr=False)
    params: Mapping[str, Any]
    _frame: pd.DataFrame | None = field(init=False, repr=False)

    def __init__(
        self,
        *,
        name: str,
        source: Source,
        series: Sequence[Series] | None = None,
        frame: pd.DataFrame | None = None,
        params: Mapping[str, Any] = _NOTHING,
    ) -> None:
        """Made of `series`, or of a tidy `frame`."""
        if series is None:
            series = () if frame is None else series_of_frame(frame)
        values = (name, source, tuple(series), params, frame)
        for attribute, value in zip(("name", "source", "series", "params", "_frame"), values, strict=True):
            object.__setattr__(self, attribute, value)

    @property
    def frame(self) -> pd.DataFrame:
        """The tidy frame (see `traindiag.model.frame`), made when it is first asked for."""
        if self._frame is None:
            object.__setattr__(self, "_frame", frame_from_series(self.name, self.series))
        assert self._frame is not None
        return self._frame

    def curves(self) -> list[Curve]:
        """Every series as per-epoch values."""
        return curves_of_series(self.series)

    def wide(self) -> pd.DataFrame:
        """Keras' view: one row an epoch, columns ``loss``, ``val_loss``, ...; index ``epoch``.

        Series that have no epochs (only steps) are left out.
        """
        import pandas as pd

        columns = {
            curve.metric if curve.split == "train" else f"{curve.split}_{curve.metric}": pd.Series(
                curve.value, index=pd.Index(curve.epoch, name="epoch")
            )
            for curve in self.curves()
            if curve.axis == "epoch"
        }
        return pd.DataFrame(columns, index=None if columns else pd.Index([], name="epoch")).rename_axis(
            "epoch"
        )
