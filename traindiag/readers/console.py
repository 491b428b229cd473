"""What training scripts of any make print, a line an epoch or a step."""

from __future__ import annotations

import re
from collections.abc import Sequence

from traindiag.model.run import Damage
from traindiag.readers.base import Fit, LogFile, LoggedRun, Reader, digest_of
from traindiag.readers.parsing.console_log import console_lines
from traindiag.readers.parsing.record_runs import runs_of_records
from traindiag.readers.parsing.text import decode, decode_head

_HINT = re.compile(r"loss|acc|error|auc|score|rmse|mae", re.I)
_PLACE = re.compile(r"epoch|step|iter|round|num_updates|train: |^ *[e#] |^\[\d", re.I | re.M)
"""What each record has, found quickly: most texts have not."""
_JSON = re.compile(r"\s*[\[{]\s*[\"\[{]")
"""The beginning of a document of another kind, whose lines mean nothing one by one."""
_LEAST = 2


class Console(Reader):
    """Printed lines with a position and metrics: ``Epoch [3/10], Loss: 0.41, Val Loss: 0.52``, ``step 250: train loss
    2.1, val loss 2.3``, ``[12] train-logloss:0.21 eval-logloss:0.35``; tables in columns that begin with the epoch.

    Recognised by at least two such positions with names of metrics, when no other reader knows the file. So it
    reads scripts in plain PyTorch, torchvision's and timm's, nanoGPT, fairseq, mmengine, scikit-learn, XGBoost and
    LightGBM. The split is that of the name or of the word ahead of the line. Of running means (``0.5 (0.6)``,
    progress bars) the last of an epoch counts; values of batches are averaged, and are called ``loss_step`` where
    the epoch has a value of its own. Lines about the best or final result are passed over.
    """

    name = "console"
    precedence = 55

    def fit(self, file: LogFile) -> Fit:
        text = decode_head(file.head)
        if text is None or _JSON.match(text) or _is_table(text):
            return Fit.NO
        if not _HINT.search(text) or not _PLACE.search(text):
            return Fit.NO
        records = console_lines(text).records()
        positions = {(record.get("epoch"), record.get("step")) for record in records}
        return Fit.LOOSE if len(positions) >= _LEAST else Fit.NO

    def read(self, files: Sequence[LogFile]) -> Sequence[LoggedRun]:
        [file] = files
        data = file.read_bytes()
        lines = console_lines(decode(data)[0])
        runs = runs_of_records(lines.records())
        if not runs:
            raise file.unreadable("no line with an epoch or step and a metric", "print both in one line")
        cut = Damage(
            path=file.shown, place=f"byte {len(data)}", what="the last line is cut off", records=1, size=0
        )
        said = {"lines": "read by names and numbers in them"}
        if lines.running:
            said["running means"] = "the last of each epoch"
        return [
            LoggedRun(
                files=(file,),
                series=series,
                label=f"run {number}" if len(runs) > 1 else "",
                digest=digest_of(data),
                damage=(cut,) if lines.cut else (),
                details={**said, **details},
            )
            for number, (series, details) in enumerate(runs, start=1)
        ]


def _is_table(text: str) -> bool:
    """Whether it begins with names and rows of as many cells, among which prose may tell of an epoch."""
    header, *rows = text.splitlines()[:4] or [""]
    cells = [line.count(",") for line in (header, *rows)]
    return not re.search(r"[\d:=]", header) and len(rows) == 3 and min(cells) == cells[0] >= 3
