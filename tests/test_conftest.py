"""CI runs every test or fails."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

SKIPPED = """
import pytest

@pytest.mark.skip(reason="there is no pgbouncer here")
def test_pooler(): ...
"""


def test_skip_fails_ci(tmp_path: Path) -> None:
    done = pytest_run(tmp_path, ci="true")

    assert done.returncode == 1
    assert "CI skips nothing" in done.stdout


def test_skip_is_told_and_passes_elsewhere(tmp_path: Path) -> None:
    done = pytest_run(tmp_path, ci="")

    assert done.returncode == 0
    assert "there is no pgbouncer here" in done.stdout


def pytest_run(folder: Path, ci: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(Path(__file__).with_name("conftest.py"), folder)
    (folder / "test_it.py").write_text(SKIPPED)
    command = [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder)]
    return subprocess.run(
        command, cwd=folder, env={**os.environ, "CI": ci}, capture_output=True, text=True, check=False
    )
