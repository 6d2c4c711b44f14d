"""The oldest versions that the package admits have none of the known vulnerabilities and leaks that concern it."""

import re
from importlib.metadata import requires, version
from pathlib import Path

import pytest

LOCK = Path(__file__).parents[1] / "requirements-dev.txt"
# PyJWT: twelve advisories of 2026 up to 2.15. psycopg_pool: workers that end after a day (psycopg#1419), and lost
# connections (#1407).
FLOORS = {"pyjwt": "2.15.1", "psycopg-pool": "3.3.3"}


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text))


@pytest.mark.parametrize("name", FLOORS)
def test_metadata_has_the_floor(name: str) -> None:
    lines = [
        line for line in requires("org-common") or () if re.split(r"[\[><=; ]", line.lower(), maxsplit=1)[0] == name
    ]

    assert lines
    for line in lines:
        (floor,) = re.findall(r">=([\d.]+)", line)
        assert numbers(floor) >= numbers(FLOORS[name]), line


@pytest.mark.parametrize("name", [*FLOORS, "cryptography"])
def test_tests_run_on_the_locked_version(name: str) -> None:
    (locked,) = re.findall(rf"(?im)^{name}(?:\[\w+\])?==([\w.]+)", LOCK.read_text())

    assert version(name) == locked
