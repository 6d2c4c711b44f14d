"""`org-common dev --check` as CI runs it. Folders lie in /tmp: pytest's own is closed to root's helpers."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from org_common.tools.database.postgres import EmbeddedPostgres

pytestmark = pytest.mark.db

REPOSITORY = Path(__file__).parents[3]
COMMAND = str(Path(sys.executable).with_name("org-common"))
APP = """
from org_common import PUBLIC, TOKEN, App, Identity

app = App("hello")


@app.get("/hello", allow=PUBLIC)
def hello() -> dict[str, str]:
    return {"text": "hello"}


@app.get("/me", allow=TOKEN)
def me(identity: Identity) -> dict[str, str]:
    return {"subject": identity.subject}


@app.delete("/hello", allow=PUBLIC)
def forget() -> None:
    return None
"""
DEMO = """
PEOPLE = ("ann",)
EXAMPLE = ("ann", "/hello")


def seed(admin_url, issuer):
    pass


def tour(visit):
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="test-tour-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Path]:
    """A data folder's PostgreSQL, to be copied: a tenth of the time it takes to make one."""
    folder = Path(tempfile.mkdtemp(prefix="test-tour-"))
    EmbeddedPostgres.start(folder, durable=False).stop()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def data(folder: Path, cluster: Path) -> Path:
    (folder / "data").mkdir()
    subprocess.run(["cp", "-a", cluster, folder / "data" / "postgres"], check=True)
    return folder / "data"


@pytest.fixture
def temporary(folder: Path) -> Path:
    """Where a check creates its data folder if it is given none."""
    (folder / "tmp").mkdir()
    return folder / "tmp"


@pytest.fixture
def shop(folder: Path) -> Path:
    source = folder / "shop" / "src" / "shop"
    source.mkdir(parents=True)
    (source / "__init__.py").touch()
    (source / "hello.py").write_text(APP)
    (folder / "shop" / "pyproject.toml").write_text(
        '[tool.org-common]\napps = ["shop.hello:app"]\ndemo = "shop.demo"\n'
    )
    return folder / "shop"


def check(project: Path, temporary: Path, data: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, "dev", "--check", *([] if data is None else ["--data", str(data)])],
        cwd=project,
        env=os.environ | {"TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def tour(project: Path, *steps: str) -> None:
    """Write the tour of a project."""
    (project / "src" / "shop" / "demo.py").write_text(DEMO + "".join(f"    {step}\n" for step in steps))


def left(temporary: Path) -> list[str]:
    """Files that a check has left, and processes that still run in its folder."""
    commands = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            commands.append((entry / "cmdline").read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return [*map(str, temporary.iterdir()), *[command for command in commands if str(temporary.parent) in command]]


def test_tour_of_this_repository_goes_as_expected(temporary: Path) -> None:
    answer = check(REPOSITORY, temporary)

    *steps, total = answer.stdout.splitlines()
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert total == f"{len(steps)} of {len(steps)} steps as expected"
    assert len(steps) >= 15
    # A request with its status, one that is repeated until something is done, or what a response holds.
    assert all(re.match(r"ok   (?:(?:\d{3} )?[A-Z]+ /|        \w)", step) for step in steps)
    assert left(temporary) == []


def test_step_that_goes_otherwise_fails_the_check(shop: Path, temporary: Path, data: Path) -> None:
    tour(
        shop,
        'visit.step("it says hello", None, "GET", "/hello", expect=200)',
        'visit.step("it does not", "ann", "GET", "/hello", expect=404)',
        'visit.step("nobody is anybody", None, "GET", "/me", expect=401)',
    )

    answer = check(shop, temporary, data)

    assert answer.returncode == 1
    assert answer.stdout.splitlines() == [
        "ok   200 GET /hello as anonymous: it says hello",
        "FAIL 200 GET /hello as ann: it does not",
        '     expected 404, got {"text":"hello"}',
        "ok   401 GET /me as anonymous: nobody is anybody",
        "2 of 3 steps as expected",
    ]
    assert left(temporary) == []


def test_step_returns_the_response(shop: Path, temporary: Path, data: Path) -> None:
    tour(
        shop,
        'who = visit.step("she is herself", "ann", "GET", "/me", expect=200)',
        'assert who == {"subject": "local|ann"}, who',
        'nothing = visit.step("it is forgotten", "ann", "DELETE", "/hello", expect=204)',
        "assert nothing is None, nothing",
    )

    answer = check(shop, temporary, data)

    assert answer.returncode == 0, answer.stderr


def test_tour_that_breaks_off_fails_the_check(shop: Path, temporary: Path, data: Path) -> None:
    tour(shop, 'visit.step("it says hello", None, "GET", "/hello", expect=200)["missing"]')

    answer = check(shop, temporary, data)

    assert answer.returncode == 1
    assert "KeyError: 'missing'" in answer.stderr
    assert left(temporary) == []


def test_project_without_a_demo_gets_one_request(shop: Path, temporary: Path, data: Path) -> None:
    (shop / "pyproject.toml").write_text('[tool.org-common]\napps = ["shop.hello:app"]\n')

    answer = check(shop, temporary, data)

    assert answer.returncode == 0
    assert answer.stdout.splitlines()[-1] == "1 of 1 steps as expected"


def test_check_in_a_data_folder_may_be_repeated(temporary: Path, data: Path) -> None:
    first, second = check(REPOSITORY, temporary, data), check(REPOSITORY, temporary, data)

    assert (first.returncode, second.returncode) == (0, 0)
    assert sorted(file.name for file in data.iterdir()) == ["issuer.pem", "postgres"]
    assert left(temporary) == []
