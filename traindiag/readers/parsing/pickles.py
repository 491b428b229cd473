"""Pickled numbers and containers, decoded without running a pickle.

Python's own unpickler imports and calls what the file names. This one is a small stack machine over
`pickletools.genops`: it knows containers, strings, numbers and the handful of names that numpy arrays, numpy
scalars and ``collections`` dicts are built from, and it builds those itself. Nothing is imported or called,
every other name is refused, and memory stays in proportion to the file.
"""

from __future__ import annotations

import math
import pickletools
from collections.abc import Callable
from typing import Any

import numpy as np

MAX_BYTES = 64 << 20
_MOST_OPERATIONS = 20_000_000
_NUMERIC_KINDS = "fiub"
_CORES = ("numpy.core", "numpy._core")
_INERT = {f"numpy {kind}" for kind in ("ndarray", "float64", "float32", "float16", "int64", "int32", "bool_")} | {
    "builtins list", "builtins dict", "builtins float", "builtins int", "builtins str",
    "__builtin__ list", "__builtin__ dict", "__builtin__ float", "__builtin__ int", "__builtin__ str",
}  # fmt: skip


class RefusedError(Exception):
    """The pickle asks for something that is no container and no number; the message names it."""


class _Mark:
    """Where a group of items begins on the stack."""


class _Name:
    """A global name the pickle refers to; it is never looked up."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path


class _DType:
    """A numpy dtype in the making: type string first, byte order by a later BUILD."""

    __slots__ = ("code",)

    def __init__(self, code: str) -> None:
        self.code = code

    def build(self, state: Any) -> None:
        if isinstance(state, tuple) and len(state) > 1 and state[1] in ("<", ">", "=", "|"):
            self.code = f"{state[1]}{self.code.lstrip('<>=|')}"

    def numpy(self) -> np.dtype[Any]:
        try:
            dtype = np.dtype(self.code)
        except (TypeError, ValueError) as error:
            raise RefusedError(f"numpy dtype {self.code[:40]!r}") from error
        if dtype.kind not in _NUMERIC_KINDS or dtype.subdtype is not None:
            raise RefusedError(f"numpy dtype {self.code[:40]!r}")
        return dtype


class _Array:
    """A numpy array in the making: filled by BUILD with (version, shape, dtype, order, bytes)."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values: Any = []

    def build(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) != 5 or not isinstance(state[2], _DType):
            raise RefusedError("a malformed numpy array")
        self.values = _numbers(state[4], state[2], state[1])


def _numbers(raw: Any, dtype: _DType, shape: Any) -> Any:
    """Bytes as nested lists of numbers, or one number for an empty shape."""
    if isinstance(raw, str):
        raw = raw.encode("latin-1", errors="replace")
    if not isinstance(raw, (bytes, bytearray)) or not isinstance(shape, tuple):
        raise RefusedError("a numpy array of objects")
    kind = dtype.numpy()
    if not all(isinstance(n, int) and n >= 0 for n in shape) or math.prod(shape) * kind.itemsize != len(raw):
        raise RefusedError("a numpy array whose shape and bytes differ")
    return np.frombuffer(raw, dtype=kind).astype(np.float64).reshape(shape).tolist()


def load_numbers(data: bytes) -> Any:
    """The containers and numbers of a pickle, numpy arrays as lists.

    Args:
        data: the pickle, protocol 0 to 5.

    Raises:
        RefusedError: it refers to anything beyond containers and numbers, or is no whole pickle.
    """
    if len(data) > MAX_BYTES:
        raise RefusedError(f"{len(data):,} bytes")
    machine = _Machine()
    try:
        for count, (operation, argument, _) in enumerate(pickletools.genops(data)):
            if count > _MOST_OPERATIONS:
                raise RefusedError("too many operations")
            if operation.name == "STOP":
                return _plain(machine.stack.pop(), len(data))
            machine.step(operation.name, argument)
    except RefusedError:
        raise
    except (
        ValueError,
        IndexError,
        KeyError,
        TypeError,
        UnicodeError,
        OverflowError,
        AttributeError,
    ) as error:
        raise RefusedError(f"broken pickle ({type(error).__name__})") from error
    raise RefusedError("broken pickle (no end)")


def is_harmless(head: bytes) -> bool:
    """Whether the beginning of a pickle asks for nothing but containers and numbers."""
    machine = _Machine()
    try:
        for operation, argument, _ in pickletools.genops(head):
            if operation.name != "STOP":
                machine.step(operation.name, argument)
    except RefusedError:
        return False
    except (ValueError, IndexError, KeyError, TypeError, UnicodeError, OverflowError, AttributeError):
        # The head ends in the middle of the pickle.
        return True
    return True


class _Machine:
    """The stack and memo of one pickle."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.steps: dict[str, Callable[[Any], None]] = {
            name.removeprefix("do_").upper(): getattr(self, name)
            for name in dir(self)
            if name.startswith("do_")
        }

    def step(self, name: str, argument: Any) -> None:
        """One operation."""
        if name in _PUSHED:
            self.stack.append(argument)
        elif name in _FIXED:
            self.stack.append(_FIXED[name]())
        elif name in _PUTS:
            self.memo[int(argument)] = self.stack[-1]
        elif name in _GETS:
            self.stack.append(self.memo[int(argument)])
        elif name in self.steps:
            self.steps[name](argument)
        elif name not in _IGNORED:
            raise RefusedError(f"pickle operation {name}")

    def _since_mark(self) -> list[Any]:
        at = next((i for i in range(len(self.stack) - 1, -1, -1) if isinstance(self.stack[i], _Mark)), None)
        if at is None:
            raise RefusedError("broken pickle (no mark)")
        items = self.stack[at + 1 :]
        del self.stack[at:]
        return items

    def do_mark(self, _: Any) -> None:
        self.stack.append(_Mark())

    def do_pop(self, _: Any) -> None:
        self.stack.pop()

    def do_pop_mark(self, _: Any) -> None:
        self._since_mark()

    def do_dup(self, _: Any) -> None:
        self.stack.append(self.stack[-1])

    def do_memoize(self, _: Any) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def do_append(self, _: Any) -> None:
        item = self.stack.pop()
        _as_list(self.stack[-1]).append(item)

    def do_appends(self, _: Any) -> None:
        items = self._since_mark()
        _as_list(self.stack[-1]).extend(items)

    def do_additems(self, _: Any) -> None:
        self.do_appends(None)

    def do_list(self, _: Any) -> None:
        self.stack.append(self._since_mark())

    def do_frozenset(self, _: Any) -> None:
        self.do_list(None)

    def do_tuple(self, _: Any) -> None:
        self.stack.append(tuple(self._since_mark()))

    def do_tuple1(self, _: Any) -> None:
        self.stack[-1:] = [(self.stack[-1],)]

    def do_tuple2(self, _: Any) -> None:
        self.stack[-2:] = [tuple(self.stack[-2:])]

    def do_tuple3(self, _: Any) -> None:
        self.stack[-3:] = [tuple(self.stack[-3:])]

    def do_dict(self, _: Any) -> None:
        items = self._since_mark()
        self.stack.append({})
        self._set(items)

    def do_setitem(self, _: Any) -> None:
        items = self.stack[-2:]
        del self.stack[-2:]
        self._set(items)

    def do_setitems(self, _: Any) -> None:
        self._set(self._since_mark())

    def _set(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict) or len(items) % 2:
            raise RefusedError("items set on something that is no dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            # Hashing nested tuples can take forever; logs have plain keys.
            if not isinstance(key, (str, int, float, bytes)) and key is not None:
                raise RefusedError(f"a dict key of type {type(key).__name__.strip('_')}")
            target[key] = value

    def do_global(self, argument: Any) -> None:
        self.stack.append(_allowed(str(argument)))

    def do_stack_global(self, _: Any) -> None:
        module, name = self.stack[-2:]
        del self.stack[-2:]
        self.stack.append(_allowed(f"{module} {name}"))

    def do_reduce(self, _: Any) -> None:
        arguments = self.stack.pop()
        called = self.stack.pop()
        if not isinstance(called, _Name) or not isinstance(arguments, tuple):
            raise RefusedError("a call of something that is no name")
        self.stack.append(_built(called.path, arguments))

    def do_build(self, _: Any) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if not isinstance(target, (_DType, _Array)):
            raise RefusedError("an object with a state of its own")
        target.build(state)


def _as_list(target: Any) -> list[Any]:
    if not isinstance(target, list):
        raise RefusedError("items appended to something that is no list")
    return target


_PUSHED = frozenset(
    "INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING UNICODE "
    "BINUNICODE SHORT_BINUNICODE BINUNICODE8 BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8".split()
)
_FIXED: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
    "EMPTY_SET": list,
}
_PUTS = frozenset(("PUT", "BINPUT", "LONG_BINPUT"))
_GETS = frozenset(("GET", "BINGET", "LONG_BINGET"))
_IGNORED = frozenset(("PROTO", "FRAME"))


def _allowed(path: str) -> _Name:
    if path in _INERT or path in _BUILDERS:
        return _Name(path)
    raise RefusedError(path.replace(" ", "."))


def _built(path: str, arguments: tuple[Any, ...]) -> Any:
    builder = _BUILDERS.get(path)
    if builder is None:
        raise RefusedError(f"a call of {path.replace(' ', '.')}")
    return builder(*arguments)


def _dtype(code: Any, *_: Any) -> _DType:
    if isinstance(code, _Name):
        code = code.path.split()[-1]
    if not isinstance(code, str) or len(code) > 16:
        raise RefusedError("a numpy dtype that is no number")
    return _DType(code)


def _scalar(dtype: Any, raw: Any = b"", *_: Any) -> Any:
    if not isinstance(dtype, _DType):
        raise RefusedError("a numpy scalar that is no number")
    return _numbers(raw, dtype, ())


def _from_buffer(raw: Any, dtype: Any, shape: Any, *_: Any) -> _Array:
    array = _Array()
    if not isinstance(dtype, _DType):
        raise RefusedError("a numpy array that holds no numbers")
    array.values = _numbers(raw, dtype, shape)
    return array


def _encoded(text: Any, encoding: Any = "latin1") -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise RefusedError("_codecs.encode")
    return text.encode("latin-1")


def _no_bytes(*arguments: Any) -> bytes:
    """How protocols 0 to 2 write an empty bytes object."""
    if arguments:
        raise RefusedError("a call of bytes")
    return b""


def _mapping(*arguments: Any) -> dict[Any, Any]:
    """OrderedDict and defaultdict, whose items follow, or come as pairs in old protocols."""
    pairs = arguments[-1] if arguments and isinstance(arguments[-1], list) else []
    return {
        pair[0]: pair[1]
        for pair in pairs
        if isinstance(pair, (list, tuple)) and len(pair) == 2 and isinstance(pair[0], (str, int))
    }


_BUILDERS: dict[str, Callable[..., Any]] = {
    "collections OrderedDict": _mapping,
    "collections defaultdict": _mapping,
    "numpy dtype": _dtype,
    "_codecs encode": _encoded,
    "__builtin__ bytes": _no_bytes,
    "builtins bytes": _no_bytes,
    **{f"{core}.multiarray scalar": _scalar for core in _CORES},
    **{f"{core}.multiarray _reconstruct": lambda *_: _Array() for core in _CORES},
    **{f"{core}.numeric _frombuffer": _from_buffer for core in _CORES},
}

_DEEPEST = 24


def _plain(value: Any, size: int) -> Any:
    """The value with arrays as lists.

    A pickle may refer to one list many times over and so unfold to 2**n items. An honest one has no more
    items than bytes, which is where this stops.
    """
    budget = [size]

    def walk(item: Any, depth: int) -> Any:
        budget[0] -= 1
        if budget[0] < 0 or depth > _DEEPEST:
            raise RefusedError("containers nested beyond measure")
        if isinstance(item, _Array):
            return item.values
        if isinstance(item, dict):
            return {
                key.decode("utf-8", "replace") if isinstance(key, bytes) else key: walk(part, depth + 1)
                for key, part in item.items()
            }
        if isinstance(item, (list, tuple)):
            return [walk(part, depth + 1) for part in item]
        return None if isinstance(item, (_Name, _DType, _Mark)) else item

    return walk(value, 0)
