"""URLs of remote logs: what is one, and how it is shown without secrets."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(://|::)")
_USER = re.compile(r"(?<=://)[^/@\s]+@")
_QUERY = re.compile(r"(?<=[\w/.%~-])\?[^\s'\"<>]+")
_SECRETS = re.compile(
    r"((?:aws_|x-amz-|x-goog-)?(?:secret|token|signature|credential|password|passwd|api_?key|access_?key|sig)"
    r"[\w-]*[\"']?\s*[=:]\s*[\"']?)[^\s&;,\"'}<]+",
    re.I,
)


def is_url(text: str) -> bool:
    """Whether it names a place behind a file system: ``s3://...``, ``zip::...``; a Windows drive is none."""
    return _URL.match(text) is not None


def archive_kind(name: str, head: bytes) -> str | None:
    """The file system that reads a file as an archive; None where it is none. A model can be a zip file, too."""
    if head.startswith(b"PK") and name.lower().endswith(".zip"):
        return "zip"
    return "tar" if head[257:262] == b"ustar" else None


def shown_url(url: str) -> str:
    """The URL without user, password and query: these may hold credentials."""
    return "::".join(_plain(part) for part in url.split("::"))


def _plain(url: str) -> str:
    if "://" not in url:
        return url
    parts = urlsplit(url)
    netloc = parts.netloc.rpartition("@")[2]
    if not parts.scheme or (not netloc and not parts.path):
        return url
    return urlunsplit((parts.scheme, netloc, parts.path, "", "")) if netloc else url.partition("?")[0]


def without_secrets(text: str) -> str:
    """A message of a file system, with whatever looks like a credential taken out."""
    text = _QUERY.sub("", _USER.sub("", text))
    return _SECRETS.sub(r"\1***", text)
