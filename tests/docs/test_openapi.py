"""docs/guides/openapi.md: its console works as printed."""

import shutil
from pathlib import Path

from tests.docs.console import blocks, commands, matches, run

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "guides" / "openapi.md"


def test_console_works_as_printed(tmp_path: Path) -> None:
    project = shutil.copytree(ROOT / "examples" / "notes", tmp_path / "notes")
    [block] = blocks(PAGE)
    shown = commands(block.text)

    for command, printed in zip(shown, run(shown, project, {}), strict=True):
        assert matches(printed, command.output), f"$ {command.text}\n{printed}"
