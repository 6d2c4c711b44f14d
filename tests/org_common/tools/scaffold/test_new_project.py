"""What `org-common new` and `org-common add` write is house style: every combination is written and checked."""

import subprocess
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import pytest

from org_common.tools.scaffold.fields import TYPES
from org_common.tools.scaffold.route import METHODS
from org_common.tools.scaffold.table import ROLES
from tests.docs.console import environment
from tests.org_common.tools.scaffold.conftest import call

ROOT = Path(__file__).parents[4]
LONG = "a" * 30


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with every combination of what `add` writes, in two packages."""
    folder = tmp_path_factory.mktemp("scaffold")
    root = folder / "help-desk"
    write(folder, ["new", "help-desk"])
    write(root, ["add", "module", "billing"])
    for (creates, removes), kind in zip(product(ROLES, ROLES), [*TYPES, "text", "int"], strict=True):
        name = f"{creates}_{removes}".replace("org_", "") + "_rows"
        fields = [f"first_{kind}:{kind}", *(f"any_{each}:{each}?" for each in TYPES)]
        write(root, ["add", "table", name, *fields, "--write", creates, "--remove", removes])
    write(root, ["add", "table", LONG, f"{LONG}:int", "--module", "billing"])
    write(root, ["add", "table", "invoices", "--module", "billing"])
    write(root, ["add", "queue", f"{LONG[:27]}_qs"])
    write(root, ["add", "queue", "imports", "--module", "billing"])
    for method, role in product(METHODS, (*ROLES, "signed_in")):
        write(root, ["add", "route", f"{method}_{role}".lower(), "--method", method, "--allow", role])
    write(root, ["add", "route", LONG[:29], "--method", "post", "--module", "billing"])
    write(root, ["add", "schedule", "purge_invoices", "--table", "invoices", "--module", "billing"])
    write(root, ["add", "schedule", LONG[:28], "--table", "notes", "--days", "7", "--expression", "rate(1 day)"])
    return root


def write(root: Path, arguments: Sequence[str]) -> None:
    done = call(root, *arguments)
    assert done.exit_code == 0, done.output


def check(root: Path, *arguments: str) -> str:
    """Run a program in the project; returns what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=root,
        env={**environment(), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "arguments", [["check", "--no-cache"], ["format", "--check", "--no-cache"]], ids=lambda a: a[0]
)
def test_it_passes_ruff(everything: Path, arguments: list[str]) -> None:
    check(everything, "ruff", *arguments)


def test_it_passes_mypy(everything: Path, tmp_path: Path) -> None:
    check(everything, "mypy", "--cache-dir", str(tmp_path))


def test_its_routes_are_checked(everything: Path) -> None:
    listed = check(everything, "org_common.tools.cli", "routes", "--check")

    # Five for each of twelve tables, twenty-one routes and two for each queue.
    assert len(listed.splitlines()) == 1 + 12 * 5 + 21 + 2 * 2


def test_it_has_a_manifest(everything: Path) -> None:
    assert '"help-desk-notes"' in check(everything, "org_common.tools.cli", "manifest")


@pytest.mark.db
def test_its_statements_pass_db_check(everything: Path) -> None:
    assert check(everything, "org_common.tools.cli", "db", "check").endswith(": no findings\n")


@pytest.mark.db
def test_its_catalog_passes_db_lint(everything: Path) -> None:
    assert "0 errors, 0 warnings, 0 waived" in check(everything, "org_common.tools.cli", "db", "lint", "--strict")


@pytest.mark.db
def test_its_isolation_is_proved(everything: Path) -> None:
    printed = check(everything, "org_common.tools.cli", "db", "prove")
    matrix = {
        line.split()[0]: line.split()[1:] for line in printed.splitlines() if line[:9] in ("help_desk", "billing.i")
    }

    assert " as declared, 0 not; " in printed
    # Owner, admin and member, then an outsider and an anonymous caller; app_service runs the schedules.
    assert matrix["help_desk.user_user_rows"][:5] == ["siud", "siud", "siud", "-", "-"]
    assert matrix["help_desk.admin_owner_rows"][:5] == ["siud", "siu", "s", "-", "-"]
    assert matrix["help_desk.owner_user_rows"][:5] == ["siud", "sd", "sd", "-", "-"]
    assert matrix["billing.imports"][:5] == ["si", "si", "si", "-", "-"]
    assert matrix["billing.invoices"][6] == matrix["help_desk.notes"][6] == "s#d#"


@pytest.mark.db
def test_its_own_tests_pass(everything: Path, postgres: str) -> None:
    # Each kind of file, each role and each method at least once: all of them take two minutes.
    chosen = "user_user or user_admin or admin_owner or owner_owner or get_org_user or post_org_admin or put_org_owner"
    chosen += " or patch_signed_in or delete_org_user or invoices or imports or qs or purge or notes or aaa"
    printed = check(everything, "pytest", "-q", "-p", "no:cacheprovider", "--database-url", postgres, "-k", chosen)

    assert "warning" not in printed
