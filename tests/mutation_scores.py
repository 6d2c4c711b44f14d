"""The recorded scores of `tests.mutation`, and why its survivors make no difference."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
FILE = Path(__file__).with_suffix(".json")


class Survivor(NamedTuple):
    """A mutant that no test notices."""

    place: str
    change: str


def load() -> dict[str, dict[str, Any]]:
    """By source file: `tests` in addition to its mirror, the scores, and `survivors` with the reason `why`.

    `possible` counts all mutants of the file, `tried` those that were run, `noticed` those that a test noticed.
    """
    scores: dict[str, dict[str, Any]] = json.loads(FILE.read_text())
    return scores


def critical_files() -> list[Path]:
    """The security-critical files, which are those that have an entry."""
    return [ROOT / source for source in load()]


def tests_in_addition(source: str) -> list[str]:
    """The tests that notice mutants of this file and are not in its mirror."""
    return [str(ROOT / test) for test in load().get(source, {}).get("tests", ())]


def record(source: str, possible: int, tried: int, survivors: Sequence[Survivor]) -> None:
    """Write the score of a file. Explanations stay; a new survivor has an empty one, which a test refuses."""
    scores = load()
    score = scores.setdefault(source, {"tests": []})
    known = {(each["place"], each["change"]): each["why"] for each in score.get("survivors", ())}
    score |= {"possible": possible, "tried": tried, "noticed": tried - len(survivors)}
    score["survivors"] = [{**each._asdict(), "why": known.get(each, "")} for each in survivors]
    FILE.write_text(json.dumps(scores, indent=2) + "\n")


def table() -> str:
    """The scores as a table in Markdown, and the survivors with their explanations as a list."""
    scores = load()
    lines = ["| file | changes tried | noticed | survivors |", "|---|---|---|---|"]
    for source, score in scores.items():
        tried = f"{score['tried']} of {score['possible']}"
        share = f"{score['noticed']} ({score['noticed'] / score['tried']:.0%})"
        lines.append(f"| `{_name(source)}` | {tried} | {share} | {len(score['survivors'])} |")
    tried, noticed = (sum(score[name] for score in scores.values()) for name in ("tried", "noticed"))
    lines.append(f"| all | {tried} | {noticed} ({noticed / tried:.1%}) | {tried - noticed} |")
    lines += ["", "The survivors, and why each would look the same to you:"]
    for source, score in scores.items():
        for each in score["survivors"]:
            lines += ["", f"- `{_name(source)}`, `{each['place']}`: `{each['change']}`", "", f"    {each['why']}"]
    return "\n".join(lines)


def _name(source: str) -> str:
    return source.removeprefix("src/org_common/")
