"""docs/guides/projects.md: its commands print what it shows, and its table names files that are written."""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.console import blocks, commands, matches, run

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "projects.md"


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder, which the database's own user may read."""
    with tempfile.TemporaryDirectory(prefix="projects-page-") as made:
        Path(made).chmod(0o711)
        yield Path(made)


@pytest.mark.db
def test_page_works_as_printed(folder: Path) -> None:
    first, *others = [commands(block.text) for block in blocks(PAGE)]

    for shown, at in [(first, folder), *((other, folder / "help-desk") for other in others)]:
        for command, printed in zip(shown, run(shown, at), strict=True):
            assert matches(printed, command.output), f"$ {command.text}\n{printed}"

    named = re.findall(r"^\| `(\S+)`(?:, `(\S+)`)? \|", PAGE.read_text(), re.MULTILINE)
    missing = [path for pair in named for path in pair if path and not (folder / "help-desk" / path).exists()]
    assert missing == []
