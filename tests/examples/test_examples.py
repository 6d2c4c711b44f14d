"""Each example is a project of its own: its tests run there, with its own pyproject.toml."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.console import environment

ROOT = Path(__file__).parents[2]
EXAMPLES = {"notes": 6, "powertools": 1, "fastapi": 2}


def test_each_example_is_tested() -> None:
    assert {each.parent.name for each in ROOT.glob("examples/*/pyproject.toml")} == EXAMPLES.keys()


@pytest.mark.db
@pytest.mark.parametrize("name", EXAMPLES)
def test_its_own_tests_pass(name: str, postgres: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--database-url", postgres],
        cwd=ROOT / "examples" / name,
        env={**environment(), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{EXAMPLES[name]} passed" in done.stdout
