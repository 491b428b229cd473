"""Policies written as on the command line: ``monitor=val_loss,patience=5``."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any, TypeVar

from traindiag.model.errors import UsageError
from traindiag.model.nearest import did_you_mean
from traindiag.replay.policies.base import Policy

P = TypeVar("P", bound=Policy)
_TRUE = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def parse_policy(kind: type[P], text: str, where: str, *, first: str = "") -> P:
    """A policy from ``name=value`` pairs; a flag may stand alone, ``save_best_only``.

    Args:
        kind: the policy's class; its fields are the names.
        text: pairs separated by commas; empty for Keras' defaults.
        where: the option it was given under, for messages.
        first: a field whose value may begin the text, ended by a colon: ``step:drop=0.5``.

    Raises:
        UsageError: a name or value that the callback does not take.
    """
    types = _types(kind)
    values: dict[str, Any] = {}
    if first and text:
        head, _, rest = text.partition(":")
        if "=" not in head:
            values[first] = _value(types[first], head, first, where)
            text = rest
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, equals, written = (part.strip() for part in pair.partition("="))
        if name not in types:
            hint = did_you_mean(name, sorted(types), f"it takes {', '.join(types)}")
            raise UsageError(f"{kind.keras_name} takes no {name!r}", where=where, next_step=hint)
        values[name] = _value(types[name], written if equals else "true", name, where)
    try:
        return kind(**values)
    except UsageError as error:
        raise UsageError(error.what, where=where, next_step=error.next_step) from None


def policy_from_config(kind: type[P], config: typing.Mapping[str, Any]) -> P:
    """A policy from a recorded callback's settings; unknown names are passed over.

    Raises:
        UsageError: a value of the wrong type.
    """
    types = _types(kind)
    pairs = {
        name: _value(types[name], str(value), name, kind.keras_name)
        for name, value in config.items()
        if name in types and value is not None
    }
    return kind(**pairs)


def _types(kind: type[Policy]) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {each.name: hints[each.name] for each in dataclasses.fields(kind)}  # type: ignore[arg-type]


def _value(kind: Any, text: str, name: str, where: str) -> Any:
    """`text` as the field's type."""
    options = typing.get_args(kind)
    if options and all(isinstance(option, str) for option in options):
        if text not in options:
            hint = did_you_mean(text, list(options), f"it is one of {', '.join(options)}")
            raise UsageError(f"{name} cannot be {text!r}", where=where, next_step=hint)
        return text
    plain = next((each for each in options if each is not type(None)), kind)
    if plain is not kind and text.lower() == "none":
        return None
    try:
        if plain is bool:
            return _TRUE[text.lower()]
        return plain(text)
    except (KeyError, ValueError):
        words = {bool: "true or false", int: "a whole number", float: "a number"}
        raise UsageError(
            f"{name}={text} is not {words.get(plain, 'what it takes')}",
            where=where,
            next_step=f"write {name}={_example(plain)}",
        ) from None


def _example(kind: Any) -> str:
    return {bool: "true", int: "5", float: "0.001"}.get(kind, "NAME")
