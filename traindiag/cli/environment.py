"""What a bug report should say of the environment: versions only, read without importing the packages."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, requires, version

FRAMEWORKS = ("keras", "tensorflow", "jax", "torch", "tensorboard")
"""What logs are written with; named where installed, for traindiag needs none of them to read logs."""


def environment() -> list[str]:
    """Lines such as ``numpy 2.4.6, pandas 3.1.0``; no path, no name of user or machine."""
    implementation = f"{platform.python_implementation()} {platform.python_version()}"
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    encoding = getattr(sys.stdout, "encoding", None) or "unknown"
    lines = [f"{implementation} on {system}, output in {encoding}", _versions(_needed())]
    if frameworks := _versions(FRAMEWORKS):
        lines.append(frameworks)
    if backend := os.environ.get("KERAS_BACKEND"):
        lines.append(f"KERAS_BACKEND={backend}")
    return lines


def _needed() -> list[str]:
    """The packages traindiag declares that it needs, without those of extras."""
    from re import match

    try:
        declared = requires("traindiag") or []
    except PackageNotFoundError:  # run from a folder that was never installed
        return []
    names = (match(r"[\w.-]+", each) for each in declared if "extra ==" not in each)
    return [name[0] for name in names if name]


def _versions(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(f"{name} {found}" for name in names if (found := _version(name)))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
