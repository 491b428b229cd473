"""The pages of the documents that programs read, from their schemas."""

from __future__ import annotations

import json
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from bookmaking.pages import Shelf, page, safe, table

TITLES = {"report": "The report as JSON", "comparison": "The comparison as JSON"}
WRITTEN_BY = {
    "report": "`traindiag analyze logs/ --format json` (or `-o report.json`) writes one such document, and `--format "
    "jsonl` one line a run with the fields of a [run](#run).",
    "comparison": "`traindiag compare main/ new/ --format json` (or `-o comparison.json`) writes one such document.",
}
SCHEMA = """The schema, JSON Schema 2020-12, is part of the package:

```python
import json
from importlib.resources import files

text = files("traindiag.reports").joinpath("schemas/NAME").read_text(encoding="utf-8")
schema = json.loads(text)
```"""


def write(shelf: Shelf) -> None:
    """One page a schema: the document, then every shape it is made of."""
    for file in files("traindiag.reports").joinpath("schemas").iterdir():
        if file.name.endswith(".schema.json"):
            name = file.name.partition("-")[0]
            shelf.put(f"reference/{name}.md", _page(name, file))


def _page(name: str, file: Traversable) -> str:
    schema = json.loads(file.read_text(encoding="utf-8"))
    shapes = [page(f"## {each}", _shape(shape)) for each, shape in schema["$defs"].items()]
    return page(
        f"# {TITLES[name]}",
        WRITTEN_BY[name],
        SCHEMA.replace("NAME", file.name),
        "Fields in **bold** are always there.",
        "## The document",
        _shape(schema),
        *shapes,
    )


def _shape(shape: dict[str, Any]) -> str:
    described = safe(shape.get("description", ""))
    if "properties" not in shape:
        return page(described, f"Type: {_type(shape)}.")
    required = set(shape.get("required", ()))
    rows = [
        [
            f"**`{name}`**" if name in required else f"`{name}`",
            _type(each),
            safe(each.get("description", "")),
        ]
        for name, each in shape["properties"].items()
    ]
    if not any(words for _, _, words in rows):
        return page(described, table(["field", "type"], [row[:2] for row in rows]))
    return page(described, table(["field", "type", "what it is"], rows))


def _type(shape: dict[str, Any]) -> str:
    """What a value looks like, in words, with links to the shapes on this page."""
    if "$ref" in shape:
        name = shape["$ref"].rpartition("/")[2]
        return f"[{name}](#{name})"
    if "const" in shape or "enum" in shape:
        return ", ".join(f"`{json.dumps(each)}`" for each in shape.get("enum", [shape.get("const")]))
    if "oneOf" in shape:
        return " or ".join(_type(each) for each in shape["oneOf"])
    if shape.get("type") == "array":
        return f"array of {_type(shape['items'])}"
    if shape.get("type") == "object":
        return _object(shape)
    return str(shape.get("type", "anything")) + _limits(shape)


def _object(shape: dict[str, Any]) -> str:
    inner = "; ".join(f"`{name}` {_type(each)}" for name, each in shape.get("properties", {}).items())
    more = shape.get("additionalProperties")
    return (
        f"object ({inner})" if inner else f"object of {_type(more)}" if isinstance(more, dict) else "object"
    )


def _limits(shape: dict[str, Any]) -> str:
    if "pattern" in shape:
        return f" like `{shape['pattern']}`"
    low, high = shape.get("minimum"), shape.get("maximum")
    if low is not None and high is not None:
        return f", {low} to {high}"
    return f", at least {low}" if low is not None else ""
