"""The tables of docs/guides/database.md and docs/guides/authentication.md say what the code does."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from org_common import PUBLIC, SIGNED_IN, TOKEN, Check, Issuer, OrgCheck, Reader, Settings, SysCheck, Transaction
from org_common.auth.refusals import REASONS
from org_common.config.settings_reader import PROFILES
from org_common.db.protocol import statement
from org_common.db.protocol.errors import _ANSWERS, _OWN, StatementFailed, answer
from org_common.route import RouteOptions
from org_common.telemetry import observability

ROOT = Path(__file__).parents[2]
AUTH = (ROOT / "docs" / "guides" / "authentication.md").read_text()
PAGE = (ROOT / "docs" / "guides" / "database.md").read_text()
SETTINGS = "\n" + (ROOT / "docs" / "reference" / "settings.md").read_text()
SQL = "\n".join(path.read_text() for path in (ROOT / "src" / "org_common" / "sql").glob("*.sql"))


def table(heading: str, page: str = PAGE) -> list[list[str]]:
    """The rows of the first table behind a heading, without code marks."""
    found = re.search(r"(?:^\|.+\|\n)+", page.partition(f"\n{heading}\n")[2], re.MULTILINE)
    assert found is not None
    [_, _, *rows] = found[0].splitlines()
    return [[cell.strip().replace("`", "") for cell in row.strip("|").split(" | ")] for row in rows]


class Recorded(Mapping[str, str]):
    """An environment in which nothing is set, and which remembers what was asked for."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


ERRORS = [(row[0].rstrip("…"), int(row[1]), row[2]) for row in table("## What an error becomes")]


@pytest.mark.parametrize(("sqlstate", "status", "code"), ERRORS, ids=str)
def test_sqlstate_becomes_what_the_page_says(sqlstate: str, status: int, code: str) -> None:
    error = answer(StatementFailed(sqlstate.ljust(5, "9"), "words"), read_only=False)

    assert (error.status, error.code) == (status, code)


def test_page_has_every_sqlstate() -> None:
    assert [sqlstate for sqlstate, _, _ in ERRORS] == list(_ANSWERS)


@pytest.mark.parametrize(
    ("sqlstate", "read_only", "status", "code"),
    [
        ("25006", True, 500, "read_only_unit"),
        ("25006", False, 503, "unavailable"),
        ("42703", False, 500, "internal_error"),
        ("OCUSR", False, 403, "not_provisioned"),
    ],
)
def test_rest_of_the_codes_is_as_the_text_says(sqlstate: str, read_only: bool, status: int, code: str) -> None:
    error = answer(StatementFailed(sqlstate, "words"), read_only=read_only)

    assert (error.status, error.code) == (status, code)
    assert f"{status} `{code}`" in PAGE or code == "unavailable"


def test_own_refusals() -> None:
    rows = table("### Refusals of your own")

    assert rows == [[sqlstate, str(kind.status), kind.__name__] for sqlstate, kind in _OWN.items()]


def test_every_setting_is_there() -> None:
    environ, observed = Recorded(), Recorded()

    Settings.from_env(environ)
    observability.read(observed.get)

    told = {row[0] for row in table("# Settings", SETTINGS)}
    assert told <= environ.asked
    # docs/guides/observability.md has a table of its own.
    assert environ.asked - told <= observed.asked


def test_every_reason_is_there() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (.+?) \|$", AUTH.partition("| reason | text |")[2].partition("\n\n")[0], re.MULTILINE
    )

    assert dict(rows) == REASONS


def test_every_argument_of_an_issuer_is_there() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", AUTH.partition("| argument | what |")[2].partition("\n\n")[0], re.MULTILINE)

    assert set(rows) == set(Issuer.__slots__)


def test_every_profile_is_there() -> None:
    [row] = [row for row in table("# Settings", SETTINGS) if row[0] == "ORG_COMMON_DATABASE_PROFILE"]

    assert all(profile in row[1] for profile in PROFILES)
    assert row[2].startswith(PROFILES[0])


def test_every_verb_is_there() -> None:
    verbs = {row[0].partition("(")[0]: row[1] for row in table("## Two handles")}
    # These are the app's.
    own = {"close", "commit", "ensure_authorized", "injected", "rollback", "stored_answer"}
    reads = {name for name in dir(Reader) if not name.startswith("_")} - own
    writes = {name for name in dir(Transaction) if not name.startswith("_")} - own

    assert verbs == {**dict.fromkeys(writes, "Transaction"), **dict.fromkeys(reads, "both")}


def test_every_option_of_a_writing_route_is_there() -> None:
    options = {row[0].partition("=")[0] for row in table("### Options of a writing route")}

    assert options == RouteOptions.__annotations__.keys() - {"allow", "cache", "raises", "status", "summary"}


def test_rules_run_as_the_roles_that_the_page_says() -> None:
    rules = {
        "PUBLIC": PUBLIC,
        "TOKEN": TOKEN,
        "SIGNED_IN": SIGNED_IN,
        "Check(sql)": Check("true"),
        "OrgCheck(role)": OrgCheck("org_admin"),
        "SysCheck(role)": SysCheck("sys_admin"),
    }

    assert [(row[0], row[2]) for row in table("## Rules")] == [(name, rule.role) for name, rule in rules.items()]


def test_words_that_a_statement_begins_with() -> None:
    [said] = re.findall(r"A statement begins with (.+?)\.", PAGE, re.DOTALL)

    assert set(re.findall(r"`(\w+)`", said)) == statement._ALLOWED


def test_every_look_up_is_there() -> None:
    asked = re.findall(r"create function (app\.find_\w+\([^)]*\) returns \w+)", SQL)

    assert sorted(row[0] for row in table("## What your migrations must say")) == sorted(asked)
