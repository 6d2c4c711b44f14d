"""Events as AWS sends them, from `tests/events`."""

import json
from pathlib import Path
from typing import Any

EVENTS = Path(__file__).parents[1] / "events"
NAMES = sorted(path.stem for path in EVENTS.glob("*.json"))


def recorded(name: str) -> Any:
    """One event, decoded anew: a dict of the test's own."""
    return json.loads((EVENTS / f"{name}.json").read_text())
