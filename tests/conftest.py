from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def _no_cache_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests neither find nor leave anything in the cache of whoever runs them."""
    before = os.environ.get("TRAINDIAG_CACHE_DIR")
    os.environ["TRAINDIAG_CACHE_DIR"] = os.fspath(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["TRAINDIAG_CACHE_DIR"]
    else:
        os.environ["TRAINDIAG_CACHE_DIR"] = before
