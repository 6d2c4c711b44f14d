"""The tutorial, done as it is written: its files, its commands, what they print."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.docs.console import Block, blocks, commands, free_port, matches, run, serving

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "notes"
SHOWN = blocks(ROOT / "docs" / "tutorial.md")
FILES = {block.title: block.text for block in SHOWN if block.title}


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder. Not pytest's own: where this runs as root the server does not, and must reach its data."""
    with tempfile.TemporaryDirectory(prefix="tutorial-") as made:
        Path(made).chmod(0o711)
        yield Path(made)


def test_files_are_those_of_the_example() -> None:
    """All but the one for the container, which docs/operations/containers.md shows."""
    there = {
        path.relative_to(EXAMPLE).as_posix(): path.read_text()
        for path in EXAMPLE.rglob("*")
        if path.suffix in {".toml", ".sql", ".py"} and ".org-common" not in path.parts and path.name != "service.py"
    }

    assert there == FILES


def test_only_the_installation_is_not_run() -> None:
    unrun = [block.text for block in SHOWN if not block.is_run]

    assert [command.text for command in commands(unrun[0])][-1].startswith("pip install ")
    assert len(unrun) == 1


def test_nothing_is_shown_that_is_neither_a_file_nor_a_command() -> None:
    assert [block for block in SHOWN if block.title is None and block.language != "console"] == []


@pytest.mark.db
def test_tutorial_works_as_printed(folder: Path) -> None:
    port = free_port()

    with ExitStack() as servers:
        for block in SHOWN:
            if block.title:
                write(folder / block.title, block.text)
            elif block.is_run:
                take(block, folder, port, servers)


def take(block: Block, folder: Path, port: int, servers: ExitStack) -> None:
    """Run what a console shows, on a port that is free, and compare."""
    shown = commands(block.text.replace("127.0.0.1:8000", f"127.0.0.1:{port}"))
    if shown[0].text == "org-common dev":
        servers.enter_context(serving(f"org-common dev --port {port}", folder, shown[0].output))
        return
    for command, printed in zip(shown, run(shown, folder), strict=True):
        assert matches(printed, command.output), f"$ {command.text}\n{printed}"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
