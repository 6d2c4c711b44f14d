"""docs/reference/cli.md has every command and option of `org-common`, and no other; its console works as printed."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import psycopg
import pytest

from org_common.tools.cli import main
from org_common.tools.database.postgres import EmbeddedPostgres
from org_common.tools.project.project import KEYS
from tests.docs.console import Command, blocks, commands, matches, run

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "cli.md"
TEXT = PAGE.read_text()
SECTIONS = {
    part.partition("`\n")[0]: part for part in re.split(r"^## ", TEXT, flags=re.MULTILINE) if part.startswith("`")
}
EXAMPLE = ROOT / "examples" / "notes"


def leaves(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with its words."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name, child in command.commands.items():
        yield from leaves(child, f"{path} {name}")


COMMANDS = dict(leaves(main, "org-common"))


def test_page_has_every_command() -> None:
    assert {name.strip("`") for name in SECTIONS} == COMMANDS.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_section_has_every_option(name: str) -> None:
    rows = re.findall(r"^\| (`-.+?) \|", SECTIONS[f"`{name}"], re.MULTILINE)
    options = [each for each in COMMANDS[name].params if isinstance(each, click.Option)]

    assert re.findall(r"`(--?[\w-]+)`", " ".join(rows)) == [
        spelt for option in options for spelt in (*option.opts, *option.secondary_opts)
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_variable_of_an_option_is_named(name: str) -> None:
    variables = [option.envvar for option in COMMANDS[name].params if isinstance(option.envvar, str)]

    assert [variable for variable in variables if variable not in SECTIONS[f"`{name}"]] == []


def test_options_of_all_are_named() -> None:
    for option in ("`--help`", "`-h`", "`--version`"):
        assert option in TEXT


def test_page_has_every_key_of_a_project() -> None:
    keys = re.findall(
        r"^\| `(\w+)` \|", TEXT.partition("## Project configuration")[2].partition("\n## ")[0], re.MULTILINE
    )

    assert set(keys) == set(KEYS)


@pytest.mark.db
def test_console_works_as_printed(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute("create database real")
    at = f"127.0.0.1:{server.port}/real"
    environ = {
        "DATABASE_URL": server.url.removesuffix("/postgres") + "/real",
        "ORG_COMMON_MIGRATOR_URL": f"postgresql://app_migrator:of-the-migrator@{at}",
        "APP_MIGRATOR_PASSWORD": "of-the-migrator",
        "ORG_COMMON_DATABASE_URL": f"postgresql://app_login:of-the-login@{at}",
    }
    listed, migrated, guarded = [commands(block.text) for block in blocks(PAGE) if block.language == "console"]

    compare(listed, environ)
    compare(migrated, environ)
    with psycopg.connect(environ["ORG_COMMON_MIGRATOR_URL"], autocommit=True) as migrator:
        migrator.execute("alter role app_login password 'of-the-login'")
    compare(guarded, environ)


def compare(shown: list[Command], environ: dict[str, str]) -> None:
    for command, printed in zip(shown, run(shown, EXAMPLE, environ), strict=True):
        assert matches(printed, command.output), f"$ {command.text}\n{printed}"
