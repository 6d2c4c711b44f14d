#!/usr/bin/env bash
# openapi-python-client: a required body with two media types of one schema becomes a module that cannot be imported.
#
# RFC 7396 has a media type of its own for a merge patch, so a PATCH operation may offer `application/json` and
# `application/merge-patch+json` with the same schema. The generator writes a function for each, and the module uses a
# name that it does not import: NameError at import. Also shown: two components of one `title` are one class to it, so it
# leaves out the second, and the response of each operation that refers to it.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'openapi-python-client==0.29.1'
cd "$folder"
venv/bin/python - <<'PYTHON'
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

ITEM = {"title": "Item", "type": "object", "properties": {"name": {"type": "string"}}}


def generated(name: str, media_types: list[str], titles: list[str]) -> tuple[bool, bool]:
    """Whether the module of the operation can be imported, and whether it has the type of the response."""
    schema = {"$ref": "#/components/schemas/Item-Input"}
    response = {"$ref": "#/components/schemas/Item-Output"}
    operation: dict[str, Any] = {
        "operationId": "change",
        "tags": ["items"],
        "requestBody": {"required": True, "content": {each: {"schema": schema} for each in media_types}},
        "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": response}}}},
    }
    components = {name: {**ITEM, "title": title} for name, title in zip(("Item-Input", "Item-Output"), titles)}
    document = {
        "openapi": "3.1.0",
        "info": {"title": name, "version": "1"},
        "paths": {"/items": {"patch": operation}},
        "components": {"schemas": components},
    }
    Path("api.json").write_text(json.dumps(document))
    program = ["venv/bin/openapi-python-client", "generate", "--path", "api.json", "--output-path", name, "--meta", "none"]
    subprocess.run(program, check=False, capture_output=True)
    imported = subprocess.run([sys.executable, "-c", f"import {name}.api.items.change"], check=False, capture_output=True)
    return imported.returncode == 0, "ItemOutput" in Path(name, "api", "items", "change.py").read_text()


print(f"Python {sys.version.split()[0]}, openapi-python-client {version('openapi-python-client')}")
JSON, MERGE_PATCH = "application/json", "application/merge-patch+json"
found = {
    "one media type, two titles": generated("one", [JSON], ["Item-Input", "Item-Output"]),
    "two media types, two titles": generated("two", [JSON, MERGE_PATCH], ["Item-Input", "Item-Output"]),
    "one media type, one title": generated("same", [JSON], ["Item", "Item"]),
}
for what, (imports, typed) in found.items():
    print(f"{what}: {'can' if imports else 'cannot'} be imported, response {'typed' if typed else 'left out'}")
expected = {
    "one media type, two titles": (True, True),
    "two media types, two titles": (False, True),
    "one media type, one title": (True, False),
}
print("as expected" if found == expected else f"CHANGED: expected {expected}")
sys.exit(found != expected)
PYTHON
