"""Python literals printed into text, read back without evaluating anything.

Understood: dicts, lists, tuples, strings, numbers, ``None``, bare ``nan`` and ``inf``, and the wrappers that
numpy and friends print: ``np.float64(0.1)``, ``array([...], dtype=float32)``, ``defaultdict(<class 'list'>, {...})``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_DEEPEST = 16
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<mark>[\[\]{}(),:=])
    | (?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\w.])
    | (?P<string>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")
    | (?P<name>[-+]?[A-Za-z_][\w.]*)
    | (?P<klass><class\ '[^'<>]*'>)
    )""",
    re.X,
)
_DICT_START = re.compile(r"\{\s*['\"]")
_CONSTANTS: dict[str, Any] = {
    "None": None, "True": True, "False": False,
    "nan": float("nan"), "-nan": float("nan"), "+nan": float("nan"), "NaN": float("nan"),
    "inf": float("inf"), "+inf": float("inf"), "-inf": float("-inf"),
    "Infinity": float("inf"), "-Infinity": float("-inf"),
}  # fmt: skip
_WRAPPER = re.compile(
    r"(?:\w+\.)*(?:b?float\d+|u?int\d+|array|asarray|tensor|list|tuple|dict|OrderedDict|defaultdict|Array|DeviceArray)$"
)


class _BrokenError(Exception):
    """The text stops being a literal at `at`."""

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at


class _Parser:
    def __init__(self, text: str, at: int) -> None:
        self.text = text
        self.at = at
        self.open_dicts: list[dict[str, Any]] = []

    def take(self) -> tuple[str, str]:
        """The next token as (kind, text)."""
        match = _TOKEN.match(self.text, self.at)
        if match is None or match.lastgroup is None:
            raise _BrokenError(self.at)
        self.at = match.end()
        return match.lastgroup, match[match.lastgroup]

    def peek(self) -> str:
        match = _TOKEN.match(self.text, self.at)
        return "" if match is None or match.lastgroup is None else match[match.lastgroup]

    def value(self, depth: int = 0) -> Any:
        if depth > _DEEPEST:
            raise _BrokenError(self.at)
        kind, token = self.take()
        if kind == "number":
            return float(token) if "." in token or "e" in token.lower() else _whole(token)
        if kind == "string":
            return token[1:-1]
        if kind == "klass":
            return None
        if kind == "name":
            return self.named(token, depth)
        if token == "{":
            return self.mapping(depth)
        if token == "[":
            return self.items("]", depth)
        if token == "(":
            return tuple(self.items(")", depth))
        raise _BrokenError(self.at)

    def mapping(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self.open_dicts.append(found)
        while self.peek() != "}":
            key = self.value(depth + 1)
            self.expect(":")
            if not isinstance(key, (str, int)):
                raise _BrokenError(self.at)
            found[str(key)] = self.value(depth + 1)
            if self.peek() != "}":
                self.expect(",")
        self.take()
        self.open_dicts.pop()
        return found

    def items(self, end: str, depth: int) -> list[Any]:
        found: list[Any] = []
        while self.peek() != end:
            found.append(self.value(depth + 1))
            if self.peek() == "=":
                # A keyword argument such as dtype=float32: its name was read as a value.
                found.pop()
                self.take()
                self.value(depth + 1)
            if self.peek() != end:
                self.expect(",")
        self.take()
        return found

    def named(self, name: str, depth: int) -> Any:
        if self.peek() != "(":
            return _CONSTANTS.get(name, name)
        if not _WRAPPER.match(name):
            raise _BrokenError(self.at)
        self.take()
        arguments = self.items(")", depth)
        content = arguments[-1] if arguments else []
        if name.endswith("OrderedDict") and isinstance(content, list):
            return {str(pair[0]): pair[1] for pair in content if isinstance(pair, tuple) and len(pair) == 2}
        return content

    def expect(self, mark: str) -> None:
        if self.take()[1] != mark:
            raise _BrokenError(self.at)


def _whole(token: str) -> int | float:
    # Python refuses to turn thousands of digits into an int; a float of that size is infinite anyway.
    return int(token) if len(token) < 300 else float(token)


def find_dicts(text: str) -> Iterator[tuple[dict[str, Any], bool]]:
    """Every dict printed in a text, and whether it is whole.

    Of a dict that the end of the text cuts off, the pairs that are complete are given.
    """
    at = 0
    while (start := _DICT_START.search(text, at)) is not None:
        parser = _Parser(text, start.start())
        try:
            found = parser.value()
        except _BrokenError as broken:
            at = max(broken.at, start.end())
            cut = not text[broken.at :].strip() or _TOKEN.match(text, broken.at) is None
            if cut and len(text) - broken.at < 64 and parser.open_dicts and parser.open_dicts[0]:
                yield parser.open_dicts[0], False
            continue
        at = parser.at
        if isinstance(found, dict):
            yield found, True
