"""Who does the work: a Dask cluster that exists already, or one of processes on this machine.

Dask sends a parcel to another worker when one dies, and gives a parcel up after it has killed several. Such a
parcel is then sent in halves, until the unit that kills is alone: it is reported, and all others keep their reports.
"""

from __future__ import annotations

import importlib
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

from traindiag.fleet.crews import WINDOW, Crew, lost
from traindiag.fleet.identity import code_version
from traindiag.fleet.work import OtherVersionError, Parcel, UnitReport, judge
from traindiag.model.errors import UsageError
from traindiag.readers.urls import without_secrets

_EXTRA = "pip install 'traindiag[fleet]'"
_TIMEOUT_S = 15
_LEAST_WORKERS = 4
"""Workers may still be on their way when the window is made."""


class DaskCrew(Crew):
    """The workers of a Dask cluster. They must see the same files, and have the same traindiag installed.

    Args:
        address: of the scheduler, ``tcp://host:8786``; ``local`` starts processes on this machine.
        jobs: how many processes ``local`` starts; one a core when not given.

    Raises:
        UsageError: Dask is not installed, or nobody answers at the address.
    """

    def __init__(self, address: str, jobs: int | None = None) -> None:
        try:
            distributed: Any = importlib.import_module("distributed")
        except ImportError:
            raise UsageError(
                "a cluster needs dask.distributed", where=f"--dask {address}", next_step=_EXTRA
            ) from None
        self.deaths = 0
        self._killed: Any = distributed.KilledWorker
        self._cluster: Any = None
        if address == "local":
            from traindiag.fleet.stream import cores

            self._cluster = distributed.LocalCluster(
                n_workers=jobs or cores(),
                threads_per_worker=1,
                processes=True,
                dashboard_address=":0",
                silence_logs=50,
            )
        try:
            self._client: Any = distributed.Client(self._cluster or address, timeout=_TIMEOUT_S)
        except (OSError, ValueError, TypeError) as error:
            what = " ".join(without_secrets(str(error)).split())[:200] or "nobody answers"
            raise UsageError(
                what, where=f"--dask {address}", next_step="give the address of a running scheduler, or local"
            ) from None

    def judged(self, parcels: Iterable[Parcel]) -> Iterator[tuple[Parcel, list[UnitReport]]]:
        window: deque[tuple[Parcel, Any]] = deque()
        most = WINDOW * max(_LEAST_WORKERS, len(self._client.scheduler_info(n_workers=-1)["workers"]))
        for parcel in parcels:
            window.append((parcel, None if parcel.is_here_only else self._submit(parcel)))
            if len(window) >= most:
                yield self._first(window)
        while window:
            yield self._first(window)

    def close(self, *, at_once: bool = False) -> None:
        with suppress(Exception):
            self._client.close(timeout=1 if at_once else "10s")
        if self._cluster is not None:
            with suppress(Exception):
                self._cluster.close(timeout=1 if at_once else 10)

    def _submit(self, parcel: Parcel) -> Any:
        judging = replace(parcel.judging, code=code_version())
        return self._client.submit(judge, replace(parcel, judging=judging), pure=False)

    def _first(self, window: deque[tuple[Parcel, Any]]) -> tuple[Parcel, list[UnitReport]]:
        parcel, future = window.popleft()
        return parcel, judge(parcel) if future is None else self._reports(parcel, future)

    def _reports(self, parcel: Parcel, future: Any) -> list[UnitReport]:
        """What a parcel gave, in halves where it killed its workers."""
        try:
            reports: list[UnitReport] = future.result()
            return reports
        except OtherVersionError:
            raise UsageError(
                "the workers run another traindiag, NumPy, pandas or Python than this machine",
                where="--dask",
                next_step="install the same versions there",
            ) from None
        except self._killed:
            self.deaths += 1
        if len(parcel.units) == 1:
            return [lost(parcel, parcel.units[0], parcel.units[0].entries)]
        middle = len(parcel.units) // 2
        halves = [replace(parcel, units=units) for units in (parcel.units[:middle], parcel.units[middle:])]
        futures = [self._submit(half) for half in halves]
        pairs = zip(halves, futures, strict=True)
        return [report for half, each in pairs for report in self._reports(half, each)]
