"""CI runs every test or fails, in one process or several."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SKIPPED = """
import pytest

@pytest.mark.skip(reason="there is no pgbouncer here")
def test_pooler(): ...
"""

# The process of each test goes into a file that is named after the test's folder.
NOTED = """
import os
from pathlib import Path
import pytest

@pytest.mark.parametrize("number", range(5))
def test_it(number):
    with open(Path(__file__).parent.with_suffix(".txt"), "a") as file:
        print(os.getpid(), number, file=file)
"""

PRINTED = r"""
def test_it():
    print("half \ud83d a character")
    assert not "other half \ude00"
"""


@pytest.fixture(params=[(), ("-n", "2")], ids=["one process", "two processes"])
def processes(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return request.param  # type: ignore[no-any-return]


def test_skip_fails_ci(tmp_path: Path, processes: tuple[str, ...]) -> None:
    done = pytest_run(tmp_path, {"test_it.py": SKIPPED}, *processes, ci="true")

    assert done.returncode == 1
    assert "CI skips nothing" in done.stdout


def test_skip_is_told_and_passes_elsewhere(tmp_path: Path, processes: tuple[str, ...]) -> None:
    done = pytest_run(tmp_path, {"test_it.py": SKIPPED}, *processes)

    assert done.returncode == 0
    assert "there is no pgbouncer here" in done.stdout


def test_folder_stays_in_one_process_and_in_order(tmp_path: Path) -> None:
    tests = {f"{folder}/test_{name}.py": NOTED for folder in ("a", "b", "c") for name in ("x", "y")}

    done = pytest_run(tmp_path, tests, "-n", "2")

    assert done.returncode == 0, done.stdout
    noted = {file.stem: [line.split() for line in file.read_text().splitlines()] for file in tmp_path.glob("*.txt")}
    assert sorted(noted) == ["a", "b", "c"]
    for lines in noted.values():
        assert "".join(number for _, number in lines) == "0123401234"
        assert len({process for process, _ in lines}) == 1
    assert len({lines[0][0] for lines in noted.values()}) == 2


def test_lone_surrogates_are_reported(tmp_path: Path) -> None:
    done = pytest_run(tmp_path, {"test_it.py": PRINTED}, "-n", "2")

    assert done.returncode == 1
    assert r"half \ud83d a character" in done.stdout
    assert "1 failed" in done.stdout


def pytest_run(folder: Path, tests: dict[str, str], *options: str, ci: str = "") -> subprocess.CompletedProcess[str]:
    shutil.copy(Path(__file__).with_name("conftest.py"), folder)
    for name, text in tests.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    command = [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", "--import-mode=importlib"]
    return subprocess.run(
        [*command, "--rootdir", str(folder), *options, str(folder)],
        cwd=folder,
        env={**os.environ, "CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )
