"""The page of the report as JSON, from its schema."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from bookmaking.pages import Shelf, page, safe, table

INTRODUCTION = """# The report as JSON

`traindiag analyze logs/ --format json` (or `-o report.json`) writes one document of the schema below, and `--format
jsonl` one line a run with the fields of a [run](#run). The schema, JSON Schema 2020-12, is part of the package:

```python
import json
from importlib.resources import files

text = files("traindiag.reports").joinpath("schemas/report-1.schema.json").read_text(encoding="utf-8")
schema = json.loads(text)
```

{description}

Fields in **bold** are always there.
"""


def write(shelf: Shelf) -> None:
    """One page: the document, then every shape it is made of."""
    text = files("traindiag.reports").joinpath("schemas/report-1.schema.json").read_text(encoding="utf-8")
    schema = json.loads(text)
    parts = [page(f"## {name}", _shape(shape)) for name, shape in schema["$defs"].items()]
    head = INTRODUCTION.replace("{description}", safe(schema["description"]))
    shelf.put("reference/report.md", page(head, "## The document", _shape(schema), *parts))


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
