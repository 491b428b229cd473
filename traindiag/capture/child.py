"""Runs a script as ``python SCRIPT.py ARGS`` would, with its training captured. Started as a file, by `runner`.

    python .../child.py ROOT OUT STEPS_PER_EPOCH SIGNALS KIND TARGET [ARGS...]

What traindiag needs is imported before the script's folder is on the import path: a ``queue.py`` beside the script
is the script's business alone.
"""

from __future__ import annotations

import sys

ROOT = sys.argv[1]
# Python put the folder of this file first; its siblings are no top-level modules.
sys.path[0] = ROOT

import io  # noqa: E402
import os  # noqa: E402
import runpy  # noqa: E402
from collections.abc import Callable  # noqa: E402
from functools import partial  # noqa: E402
from importlib.machinery import SourceFileLoader  # noqa: E402
from pathlib import Path  # noqa: E402
from types import ModuleType, TracebackType  # noqa: E402
from typing import Any  # noqa: E402

from traindiag.capture.hooks import install  # noqa: E402

_OURS = (os.path.join(ROOT, "traindiag", "capture", ""), "<frozen runpy>", runpy.__file__)
ExceptHook = Callable[[type[BaseException], BaseException, TracebackType | None], Any]


def main() -> None:
    """Installs the hooks and becomes the script."""
    out, steps, signals, kind, target, *arguments = sys.argv[2:]
    install(Path(out), int(steps) or None, filter(None, signals.split(",")))
    sys.argv[:] = [target, *arguments]
    sys.path[0] = os.getcwd() if kind == "module" else os.path.dirname(os.path.realpath(target))
    main_module = ModuleType("__main__")
    main_module.__dict__["__builtins__"] = __builtins__
    sys.modules["__main__"] = main_module
    try:
        if kind == "module":
            runpy._run_module_as_main(target)  # type: ignore[attr-defined]
        else:
            _run_file(target, main_module)
    except BaseException as error:
        # Python itself goes on from here: exit codes, Ctrl-C and handlers at exit are its own.
        error.__traceback__ = _trimmed(error.__traceback__)
        sys.excepthook = partial(_shown, sys.excepthook, error.__traceback__)
        raise


def _run_file(path: str, main_module: ModuleType) -> None:
    path = os.path.abspath(path)
    with io.open_code(path) as file:
        source = file.read()
    loader = SourceFileLoader("__main__", path)
    main_module.__dict__.update(
        __file__=path, __cached__=None, __doc__=None, __annotations__={}, __loader__=loader
    )
    exec(compile(source, path, "exec", dont_inherit=True), main_module.__dict__)


def _shown(
    original: ExceptHook,
    trace: TracebackType | None,
    kind: type[BaseException],
    error: BaseException,
    _: TracebackType | None,
) -> None:
    """Shows an error as the script alone would have: with none of our frames."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        each.__traceback__ = _trimmed(each.__traceback__)
        each = each.__cause__ or each.__context__
    original(kind, error, _trimmed(trace))


def _trimmed(trace: TracebackType | None) -> TracebackType | None:
    """A traceback without the frames of this package and of runpy."""
    kept = []
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith(_OURS):
            kept.append(trace)
        trace = trace.tb_next
    if not kept:
        return None
    for one, after in zip(kept, [*kept[1:], None], strict=True):
        one.tb_next = after
    return kept[0]


if __name__ == "__main__":
    main()
