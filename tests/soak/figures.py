"""Figures of a soak, with what they are out of."""

import json
from pathlib import Path
from typing import Any

from tests.soak.scale import LONG, SEED

FOLDER = Path(__file__).parents[2] / "build" / "reports"


def note(run: str, what: str, figure: object, out_of: object, **more: Any) -> None:
    """Print a figure with its denominator, and keep it."""
    line = {"run": run, "what": what, "figure": figure, "out_of": out_of, "seed": SEED, "long": LONG, **more}
    text = json.dumps(line, default=str)
    print(text)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "soak.jsonl").open("a") as file:
        file.write(text + "\n")
