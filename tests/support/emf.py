"""Whether CloudWatch would take the metrics of a line: AWS's schema, and what stands only in its text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator  # type: ignore[import-untyped]

_SCHEMA = json.loads(Path(__file__).with_name("emf.schema.json").read_text())
_VALIDATOR = Draft7Validator(_SCHEMA)
MAX_BYTES = 256 * 1024


def metrics(line: dict[str, Any]) -> dict[str, tuple[str, Any, tuple[str, ...]]]:
    """Unit, value and dimensions of each metric of a valid line; AssertionError for one that is not."""
    faults = [error.message for error in _VALIDATOR.iter_errors(line)]
    assert not faults, faults
    assert len(json.dumps(line)) < MAX_BYTES
    found: dict[str, tuple[str, Any, tuple[str, ...]]] = {}
    for directive in line["_aws"]["CloudWatchMetrics"]:
        [dimensions] = directive["Dimensions"]
        for dimension in dimensions:
            assert isinstance(line[dimension], str)
            assert 0 < len(line[dimension]) <= 1024
        for metric in directive["Metrics"]:
            value = line[metric["Name"]]
            values = value if isinstance(value, list) else [value]
            assert 0 < len(values) <= 100
            assert all(type(each) in (int, float) and abs(each) <= 1e108 for each in values), values
            assert metric["Name"] not in found, "twice in one line"
            found[metric["Name"]] = (metric["Unit"], value, tuple(dimensions))
    return found
