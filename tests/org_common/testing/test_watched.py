"""The options `--sql` and `--rule-coverage`, in a run of two processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from org_common.tools.cli import main

FAILING = """

def test_that_fails(location: str) -> None:
    assert carol.get(location).status == 418
"""


@pytest.mark.db
def test_statements_and_rules_of_a_run(tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    CliRunner().invoke(main, ["new", "watched"], catch_exceptions=False)
    tests = tmp_path / "watched" / "tests" / "test_notes.py"
    lines = tests.read_text().replace("    assert bob.get(PATH).status == 404\n", "")
    tests.write_text(lines + FAILING)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "2", "--sql", "--rule-coverage", "--database-url", postgres],
        cwd=tmp_path / "watched",
        env={**inherited, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "1 failed, 8 passed" in done.stdout, done.stdout
    assert "rule allowed: insert into watched.notes ( org_id, title, body ) values ( %(org_id)s," in done.stdout
    assert "GET /orgs/{org_id}/notes, OrgCheck('org_user'): never denied\n4 of 5 routes" in done.stdout
