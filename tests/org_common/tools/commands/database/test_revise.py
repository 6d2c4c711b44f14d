from pathlib import Path

import psycopg
import pytest

from org_common.testing import LocalDatabase
from tests.org_common.tools.commands.database.conftest import call

MIGRATIONS = Path("src/local_shop/migrations")


def test_new_migration_is_numbered_on(project: Path) -> None:
    assert call("new", "add_color").stdout == "wrote src/local_shop/migrations/0003_add_color.sql\n"
    assert call("new", "add_size", "--package", "local_shop").stdout.endswith("0004_add_size.sql\n")

    assert (MIGRATIONS / "0003_add_color.sql").read_text() == "-- Add color.\n\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Add Color"], "a migration cannot be called 'Add Color': use a-z, 0-9 and _"),
        (["../x"], "a migration cannot be called '../x'"),
        (
            ["x", "--package", "other"],
            "there is no package other in migrations of pyproject.toml: choose one of local_shop",
        ),
    ],
)
def test_migration_that_cannot_be_written(project: Path, arguments: list[str], message: str) -> None:
    done = call("new", *arguments)

    assert done.exit_code == 1
    assert message in done.stderr
    assert len([*MIGRATIONS.glob("*.sql")]) == 2


@pytest.mark.db
def test_edited_migration_is_applied_again(local: LocalDatabase) -> None:
    call("seed")
    file = MIGRATIONS / "0002_notes.sql"
    file.write_text(f"{file.read_text()}\nalter table local_shop.notes add column color text;\n")

    before = call("status", "--check")
    done = call("redo")

    assert (before.exit_code, done.exit_code) == (1, 0)
    assert done.stdout.endswith("migrations again, and kept the rows\n")
    assert call("status", "--check").exit_code == 0
    with psycopg.connect(local.admin_url) as admin:
        found = admin.execute("select count(*), count(distinct name) from local_shop.orgs").fetchone()
        assert found == (2, 2)
        admin.execute("select color from local_shop.notes")
