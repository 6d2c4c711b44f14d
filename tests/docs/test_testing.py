"""docs/reference/testing.md has every name of `org_common.testing`; its test file passes."""

import inspect
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

import org_common.testing
from org_common.testing import Answer, Client, LocalDatabase, Person, TokenIssuer, TwoTenants, plugin
from tests.docs.console import blocks, commands, matches, run

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "testing.md"
TEXT = PAGE.read_text()


def names(heading: str, column: str) -> set[str]:
    """The names in the first column of a section's table, which that column's title tells from others."""
    section = re.split(r"^##+ ", TEXT.partition(f"# {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    [rows] = re.findall(rf"^\| {column} \|.*\n\|[-|]+\n((?:\|.+\n)+)", section, re.MULTILINE)
    cells = [row.split(" | ")[0] for row in rows.splitlines()]
    return {name for cell in cells for name in re.findall(r"`([\w-]+)[^`]*`", cell)}


def parameters(of: type) -> set[str]:
    return set(inspect.signature(of).parameters)


def methods(of: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(of, inspect.isfunction) if not name.startswith("_")}


def test_every_name_is_there() -> None:
    assert names("Testing", "name") == set(org_common.testing.__all__)


def test_every_fixture_is_there() -> None:
    found = {name for name, value in vars(plugin).items() if type(value).__name__ == "FixtureFunctionDefinition"}
    fixtures = {name for name in found if not name.startswith("_")}

    assert names("The pytest plugin", "fixture") == fixtures


def test_every_option_is_there() -> None:
    options = re.findall(r'"(--[a-z-]+)"', inspect.getsource(plugin.pytest_addoption))

    assert names("The pytest plugin", "option") == set(options)


@pytest.mark.parametrize("of", [Client, Person, TokenIssuer], ids=lambda of: of.__name__)
def test_every_parameter_is_there(of: type) -> None:
    assert names(of.__name__, "parameter") == parameters(of)


def test_every_method_is_there() -> None:
    assert names("Client", "method") == methods(Client)
    assert names("Person", "method") == methods(Person)
    assert names("TwoTenants", "method") == methods(TwoTenants) | {"ids"}
    assert names("TokenIssuer", "attribute") == methods(TokenIssuer) | {"settings"}
    assert names("Answer", "attribute") == methods(Answer) | {"status", "headers", "body"}
    assert names("LocalDatabase", "attribute") == {field.name for field in fields(LocalDatabase)} | {
        "serve",
        "settings",
    }


@pytest.fixture
def project() -> Iterator[Path]:
    """The notes, where the database's own user may read them."""
    with tempfile.TemporaryDirectory(prefix="testing-page-") as made:
        Path(made).chmod(0o711)
        yield shutil.copytree(ROOT / "examples" / "notes", Path(made) / "notes")


@pytest.mark.db
def test_file_passes_as_printed(project: Path) -> None:
    [file] = [block for block in blocks(PAGE) if block.title]
    [console] = [block for block in blocks(PAGE) if block.language == "console"]
    (project / str(file.title)).write_text(file.text)

    shown = commands(console.text)
    for command, printed in zip(shown, run(shown, project), strict=True):
        assert matches(printed, command.output), f"$ {command.text}\n{printed}"
