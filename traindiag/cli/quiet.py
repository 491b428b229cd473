"""Native libraries print what no log level of Python's reaches; this keeps it from the user."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from traindiag.model.errors import UsageError


@contextmanager
def quiet_native_talk() -> Iterator[None]:
    """Keeps what native libraries write to standard error inside from the user, unless Python fails there.

    TensorFlow's C++ part greets with several lines before any log level can be set.
    """
    try:
        sys.stderr.flush()
        saved = os.dup(2)
    except OSError:
        yield  # Standard error is closed: nothing to keep quiet.
        return
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except UsageError:
            raise
        except BaseException:
            kept.seek(0)
            os.write(saved, kept.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)
