"""docs/operations/containers.md and the Dockerfile that it describes. The image is not built here."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "operations" / "containers.md"
DOCKERFILE = ROOT / "examples" / "notes" / "Dockerfile"
SERVICE = DOCKERFILE.with_name("service.py")


def instructions(name: str) -> list[str]:
    lines = [line.partition(" ") for line in DOCKERFILE.read_text().splitlines()]
    return [rest for first, _, rest in lines if first == name]


def test_hadolint_has_no_complaint() -> None:
    program = Path(sys.executable).with_name("hadolint")

    done = subprocess.run([program, DOCKERFILE], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


def test_page_shows_the_start_command_of_the_image() -> None:
    shown = PAGE.read_text().partition("    uvicorn ")[2].partition("\n\n")[0]

    [command] = instructions("CMD")
    assert json.loads(command) == ["uvicorn", *shlex.split(shown.replace("\\\n", ""))]


def test_page_shows_the_application_of_the_image() -> None:
    shown = PAGE.read_text().partition("def application")[2].partition("```")[0]

    lines = SERVICE.read_text().partition("def application")[2].splitlines()
    assert [line for line in lines if '"""' not in line] == shown.splitlines()


def test_process_is_no_root() -> None:
    assert instructions("USER") == ["65532:65532"]
