"""The example is a project of its own: its tests run there, with its own pyproject.toml."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.console import environment

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "notes"


@pytest.mark.db
def test_its_own_tests_pass() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=EXAMPLE,
        env={**environment(), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout
