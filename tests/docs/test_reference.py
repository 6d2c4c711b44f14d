"""The tables of the guides and of docs/operations/database.md say what the code does."""

import inspect
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from org_common import (
    PUBLIC,
    SIGNED_IN,
    TOKEN,
    Check,
    Cors,
    Identity,
    Issuer,
    Ladder,
    OrgCheck,
    Reader,
    Request,
    Settings,
    SysCheck,
    Transaction,
)
from org_common.auth.refusals import REASONS
from org_common.config.settings_reader import PROFILES
from org_common.db.connections import profile as profiles
from org_common.db.connections.profile import Profile
from org_common.db.connections.retry import Action, Phase, Signal, action
from org_common.db.protocol import statement
from org_common.db.protocol.errors import _ERRORS, _OWN, StatementFailed, to_org_error
from org_common.http import cors
from org_common.http.finish import SECURITY
from org_common.route import RouteOptions
from org_common.telemetry import observability

ROOT = Path(__file__).parents[2]
GUIDES = ROOT / "docs" / "guides"
AUTH = (GUIDES / "authentication.md").read_text()
AUTHORIZATION = (GUIDES / "authorization.md").read_text()
DATABASE = (GUIDES / "database.md").read_text()
ERRORS = (GUIDES / "error-handling.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations" / "database.md").read_text()
REQUESTS = (GUIDES / "requests.md").read_text()
RESPONSES = (GUIDES / "responses.md").read_text()
TRANSACTIONS = (GUIDES / "transactions.md").read_text()
SETTINGS = "\n" + (ROOT / "docs" / "reference" / "settings.md").read_text()
SQL = "\n".join(path.read_text() for path in (ROOT / "src" / "org_common" / "sql").glob("*.sql"))


def table(heading: str, page: str) -> list[list[str]]:
    """The rows of the first table behind a heading, without code marks."""
    found = re.search(r"(?:^\|.+\|\n)+", page.partition(f"\n{heading}\n")[2], re.MULTILINE)
    assert found is not None
    [_, _, *rows] = found[0].splitlines()
    return [[cell.strip().replace("`", "") for cell in re.split(r"(?<= )\|(?= )", row[1:-1])] for row in rows]


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


SQLSTATES = [(row[0].rstrip("…"), int(row[1]), row[2]) for row in table("## Database errors", ERRORS)]


@pytest.mark.parametrize(("sqlstate", "status", "code"), SQLSTATES, ids=str)
def test_sqlstate_becomes_what_the_page_says(sqlstate: str, status: int, code: str) -> None:
    error = to_org_error(StatementFailed(sqlstate.ljust(5, "9"), "words"), read_only=False)

    assert (error.status, error.code) == (status, code)


def test_page_has_every_sqlstate() -> None:
    assert [sqlstate for sqlstate, _, _ in SQLSTATES] == list(_ERRORS)


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
    error = to_org_error(StatementFailed(sqlstate, "words"), read_only=read_only)

    assert (error.status, error.code) == (status, code)
    assert f"{status} `{code}`" in ERRORS


def test_own_refusals() -> None:
    rows = table("## Raising errors from SQL", ERRORS)

    assert rows == [[sqlstate, str(kind.status), kind.__name__] for sqlstate, kind in _OWN.items()]


def test_every_setting_is_there() -> None:
    environ, observed = Recorded(), Recorded()

    Settings.from_env(environ)
    observability.read(observed.get)

    told = {row[0] for row in table("# Settings: environment variables", SETTINGS)}
    assert told <= environ.asked
    # docs/guides/observability.md has a table of its own.
    assert environ.asked - told <= observed.asked


def test_every_extra_is_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert {row[0] for row in table("## Extras", SETTINGS)} == set(project["optional-dependencies"])


def test_every_reason_is_there() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (.+?) \|$", AUTH.partition("| reason | detail |")[2].partition("\n\n")[0], re.MULTILINE
    )

    assert dict(rows) == REASONS


def test_every_argument_of_an_issuer_is_there() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", AUTH.partition("| argument | meaning |")[2].partition("\n\n")[0], re.MULTILINE)

    assert set(rows) == set(Issuer.__slots__)


def test_every_profile_is_there() -> None:
    [row] = [
        row for row in table("# Settings: environment variables", SETTINGS) if row[0] == "ORG_COMMON_DATABASE_PROFILE"
    ]

    assert all(profile in row[1] for profile in PROFILES)
    assert row[2].startswith(PROFILES[0])


def test_every_verb_is_there() -> None:
    verbs = {row[0].partition("(")[0]: row[1] for row in table("## Reader and Transaction", DATABASE)}
    # These are the app's.
    own = {"close", "commit", "ensure_authorized", "injected", "rollback", "stored_answer"}
    reads = {name for name in dir(Reader) if not name.startswith("_")} - own
    writes = {name for name in dir(Transaction) if not name.startswith("_")} - own

    assert verbs == {**dict.fromkeys(writes, "Transaction"), **dict.fromkeys(reads, "both")}


def test_every_option_of_a_transaction_is_there() -> None:
    options = {row[0].partition("=")[0] for row in table("## Isolation and other route options", TRANSACTIONS)}

    assert options == RouteOptions.__annotations__.keys() - {
        *("allow", "begins_with_statement", "cache", "location", "raises", "status", "summary")
    }


def test_rules_run_as_the_roles_that_the_page_says() -> None:
    rules = {
        "PUBLIC": PUBLIC,
        "TOKEN": TOKEN,
        "SIGNED_IN": SIGNED_IN,
        "Check(sql)": Check("true"),
        "OrgCheck(role)": OrgCheck("org_admin"),
        "SysCheck(role)": SysCheck("sys_admin"),
        "a rule of your Ladder": Ladder("app.has_ws_role", parameter="ws_id", roles=("ws_user",))("ws_user"),
    }

    assert [(row[0], row[2]) for row in table("## Access rules", AUTHORIZATION)] == [
        (name, rule.role) for name, rule in rules.items()
    ]


def test_every_retry_is_there() -> None:
    words = {
        Action.BACK_OFF: "backoff",
        Action.REFRESH: "fetch the secret",
        Action.RESEND: "send again",
        Action.RERUN: "run again",
        Action.SETTLE: "ask the server",
        Action.DROP: "drop",
        Action.UNAVAILABLE: "503",
        Action.MISCONFIGURED: "500",
        Action.TIMEOUT: "504",
        None: "",
    }
    signals = {
        "the connection broke": Signal.LOST,
        "the server refused": Signal.STARTING,
        "the server has reached": Signal.FULL,
        "the server rejected": Signal.PASSWORD,
        "the server failed": Signal.UNTRUSTED,
        "the URL has": Signal.SETTINGS,
        "the server is unresponsive": Signal.UNRESPONSIVE,
        "a time limit": Signal.TIME_LIMIT,
        "a write reached": Signal.STANDBY,
        "deadlock": Signal.CONFLICT,
        "a prepared statement": Signal.STALE_PLAN,
    }
    rows = table("## Retries and backoff", TRANSACTIONS)

    assert len(rows) == len(signals) == len(Signal)
    for row, (beginning, found) in zip(rows, signals.items(), strict=True):
        assert row[0].startswith(beginning)
        assert row[1:] == [words[action(found, phase)] for phase in Phase]


def test_every_profile_has_what_the_table_says() -> None:
    def cells(profile: Profile) -> list[str]:
        limit = profile.statement_limit_bytes
        return [
            "yes" if profile.prepares else "if it tracks them" if profile.asks else "",
            "yes" if profile.resets else "",
            "SET LOCAL" if profile.set_local else "set_config",
            "" if limit is None else f"{limit // 1024} KB",
        ]

    rows = {
        row[0].removesuffix(" (default)"): row[2:] for row in table("## Connection poolers and profiles", OPERATIONS)
    }

    assert rows == {name: cells(profile) for name, profile in profiles.PROFILES.items()}


def test_security_headers_are_those_of_the_table() -> None:
    rows = {row[0].lower(): row[1] for row in table("## Security headers", RESPONSES)}

    assert rows == SECURITY


def test_every_argument_of_cors_is_there() -> None:
    def told(value: object) -> str:
        return (", ".join(value) or "none") if isinstance(value, tuple) else str(value)

    parameters = inspect.signature(Cors).parameters.values()
    rows = {row[0]: row[2] for row in table("## CORS", RESPONSES)}

    assert rows == {
        each.name: "required" if each.default is inspect.Parameter.empty else told(each.default) for each in parameters
    }
    meanings = {row[0]: row[1] for row in table("## CORS", RESPONSES)}
    assert ", ".join(cors.DEFAULT_REQUEST_HEADERS) in meanings["headers"]
    assert ", ".join(cors.DEFAULT_EXPOSED_HEADERS) in meanings["expose"]


def test_every_attribute_of_what_the_app_gives_is_there() -> None:
    rows = {row[0]: set(re.findall(r"[a-z_]+", row[1])) for row in table("## Objects from the app", REQUESTS)}

    assert set(Identity.__slots__) <= rows["Identity"]
    assert {"left_s", "at_s"} <= rows["Deadline"]
    assert {name for name in inspect.signature(Request).parameters if name != "event"} <= rows["Request"]


def test_words_that_a_statement_begins_with() -> None:
    [said] = re.findall(r"A statement begins with (.+?)\.", DATABASE, re.DOTALL)

    assert set(re.findall(r"`(\w+)`", said)) == statement._ALLOWED


def test_every_look_up_is_there() -> None:
    asked = re.findall(r"create function (app\.find_\w+\([^)]*\) returns \w+)", SQL)

    assert sorted(row[0] for row in table("## What your migrations must contain", AUTHORIZATION)) == sorted(asked)
