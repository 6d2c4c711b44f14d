"""Mistakes on the command line, in pyproject.toml and in the environment: one message, without a traceback."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest

from tests.docs.console import environment
from tests.mistakes.graded import Case, check, ids

COMMAND = str(Path(sys.executable).with_name("org-common"))
SHOP = """\
from org_common import PUBLIC, App

app = App("shop")


@app.get("/a", allow=PUBLIC)
def get_a() -> None: ...
"""
TABLE = '[tool.org-common]\napps = ["shop:app"]\npublic = ["GET /a"]\n'
DEMO = 'PEOPLE = ("alice",)\nEXAMPLE = ("alice", "/a")\n\n\ndef seed(admin_url, issuer): ...\n'
NOWHERE = "postgresql://app_service:s3cret@127.0.0.1:1/shop"
MIGRATE = ("db", "migrate", "--url", "postgresql://app_migrator:s3cret@127.0.0.1:1/shop")
MIGRATIONS = {"pyproject.toml": TABLE + 'migrations = ["shop=migrations"]\n'}
LOCKS = {
    f"layer/{name}.txt": (Path(__file__).parents[2] / "layer" / f"{name}.txt").read_text()
    for name in ("runtime", "auth")
}


class Typed(NamedTuple):
    """A mistake that a command shows: its arguments, the files that differ from a project that works, variables."""

    case: Case
    arguments: tuple[str, ...]
    files: Mapping[str, str | None] = MappingProxyType({})
    environ: Mapping[str, str] = MappingProxyType({})
    status: int = 1


def table(text: str) -> dict[str, str | None]:
    return {"pyproject.toml": text}


def relay(sink: str) -> tuple[str, ...]:
    return ("outbox", "relay", "--url", NOWHERE, "--sink", sink)


TYPED = [
    Typed(
        Case(1, "no pyproject", "no pyproject.toml in", "or above it", "change to your project's folder, or create"),
        ("routes",),
        {"pyproject.toml": None},
    ),
    Typed(
        Case(2, "key", "is not a valid key", "pyproject.toml: tool.org-common.migration", "did you mean migrations?"),
        ("routes",),
        table(TABLE + 'migration = ["shop"]\n'),
    ),
    Typed(
        Case(2, "layer key", "is not a valid key", "tool.org-common.layer.includ", "did you mean include?"),
        ("layer", "build"),
        table(TABLE + '[tool.org-common.layer]\ninclud = ["a"]\n'),
    ),
    Typed(
        Case(3, "TOML", "is not valid TOML: Expected ']'", "(at line 1, column 17)", "Correct it there. For example"),
        ("routes",),
        table(TABLE.replace("]", "", 1)),
    ),
    Typed(
        Case(
            4, "module", "No module named 'ship'", "the app ship:app in pyproject.toml", "Correct the name, or create"
        ),
        ("routes",),
        table(TABLE.replace("shop:", "ship:")),
    ),
    Typed(
        Case(
            4,
            "attribute",
            "module 'shop' has no attribute 'ap'",
            "the app shop:ap in pyproject",
            "Did you mean shop:app?",
        ),
        ("routes",),
        table(TABLE.replace(":app", ":ap")),
    ),
    Typed(
        Case(
            4,
            "far attribute",
            "has no attribute 'api_v2'",
            "the app shop:api_v2 in",
            "Define api_v2 in shop, or correct",
        ),
        ("routes",),
        table(TABLE.replace(":app", ":api_v2")),
    ),
    Typed(
        Case(16, "circular", "cannot import name 'app'", "other.py:1", "Move what both modules need into a third one"),
        ("routes",),
        {"shop.py": "import other\n" + SHOP, "other.py": "from shop import app\n"},
    ),
    Typed(
        Case(
            56, "no file", "has no migration of package shop", "migrations", "add a file such as 0001_create_orgs.sql"
        ),
        MIGRATE,
        {**MIGRATIONS, "migrations/README": ""},
    ),
    Typed(
        Case(56, "no folder", "package shop has no folder", "/migrations", "create it, with a file such as 0001_"),
        MIGRATE,
        MIGRATIONS,
    ),
    Typed(
        Case(
            56, "gap", "number 0002 of package shop is missing", "/migrations:", "Rename files that are not applied yet"
        ),
        MIGRATE,
        {**MIGRATIONS, "migrations/0001_a.sql": "", "migrations/0003_b.sql": ""},
    ),
    Typed(
        Case(56, "duplicate", "number 0001 of package shop is used twice", "/migrations:", "Rename files that are not"),
        MIGRATE,
        {**MIGRATIONS, "migrations/0001_a.sql": "", "migrations/0001_b.sql": ""},
    ),
    Typed(
        Case(56, "name", "not a valid file name", "migrations/1_a.sql", "Use four digits from 0001 on"),
        MIGRATE,
        {**MIGRATIONS, "migrations/1_a.sql": ""},
    ),
    Typed(
        Case(56, "BEGIN", "already runs in its own transaction", "0001_a.sql, line 2: begin", "Delete this statement"),
        MIGRATE,
        {**MIGRATIONS, "migrations/0001_a.sql": "select 1;\nbegin;"},
    ),
    Typed(
        Case(58, "missing module", "No module named 'people'", "the demo module people", "Correct the name, or create"),
        ("token", "alice"),
        table(TABLE + 'demo = "people"\n'),
    ),
    Typed(
        Case(
            58, "no PEOPLE", "has no PEOPLE", "the demo module people", "A demo module needs PEOPLE, EXAMPLE and seed("
        ),
        ("token", "alice"),
        {**table(TABLE + 'demo = "people"\n'), "people.py": ""},
    ),
    Typed(
        Case(
            58, "EXAMPLE", "EXAMPLE must be one of PEOPLE", "the demo module people", 'for example ("alice", "/orgs")'
        ),
        ("token", "alice"),
        {**table(TABLE + 'demo = "people"\n'), "people.py": DEMO.replace('("alice", "/a")', '("bob", "/a")')},
    ),
    Typed(
        Case(61, "port", "Connection refused", "DATABASE_URL: cannot connect as postgres", "Is the server running"),
        ("dev", "--check"),
        environ={"DATABASE_URL": "postgresql://postgres:s3cret@127.0.0.1:1/x"},
    ),
    Typed(
        Case(
            61, "nonsense", "is not valid", "DATABASE_URL: the database URL", "use the form postgresql://user:password@"
        ),
        ("dev", "--check"),
        environ={"DATABASE_URL": "s3cret"},
    ),
    Typed(
        Case(62, "+psycopg", "is one for SQLAlchemy", "DATABASE_URL: the database URL", "remove +psycopg, so that it"),
        ("dev", "--check"),
        environ={"DATABASE_URL": "postgresql+psycopg://u:s3cret@h/x"},
    ),
    Typed(
        Case(
            63, "variable", "is not a setting of org-common", "this environment: ORG_COMMON_PROFLE", "correct its name"
        ),
        ("doctor",),
        environ={"ORG_COMMON_PROFLE": "lambda"},
        status=0,
    ),
    Typed(
        Case(66, "module", "No module named 'sinks'", "the sink sinks:sink", "Correct the name, or create the module"),
        relay("sinks:sink"),
    ),
    Typed(
        Case(
            66, "attribute", "has no attribute 'sink'", "the sink shop:sink", "Define sink in shop, or correct the name"
        ),
        relay("shop:sink"),
    ),
    Typed(
        Case(66, "deliver", "needs a method deliver(messages)", "the sink shop:app", "App has none: add it"),
        relay("shop:app"),
    ),
    Typed(Case(66, "no colon", "cannot be loaded", "the sink shop", "write it as module:name"), relay("shop")),
    Typed(
        Case(71, "bad port", "99999 is not in the range", "'--port'", "1<=x<=65535"),
        ("dev", "--port", "99999"),
        status=2,
    ),
    Typed(Case(71, "option", "No such option", "'--prot'", "Did you mean '--port'?"), ("dev", "--prot", "1"), status=2),
    Typed(
        Case(77, "file", "'shop.py' is a file", "Invalid value for '--data'", "Directory"),
        ("dev", "--data", "shop.py"),
        status=2,
    ),
    Typed(
        Case(78, "unknown person", "there is no demo user 'zoe'", "user 'zoe'", "Demo users: alice"),
        ("token", "zoe"),
        {**table(TABLE + 'demo = "people"\n'), "people.py": DEMO},
    ),
    Typed(
        Case(79, "other folder", "has no key of a token issuer", "/nowhere", "start `org-common dev` first"),
        ("token", "alice", "--data", "nowhere"),
    ),
    Typed(
        Case(80, "lock", "runtime.txt", "layer", "org-common layer lock"),
        ("layer", "build"),
    ),
    Typed(
        Case(80, "Python", "is not supported", "Python 3.10", "Choose one of 3.11, 3.12, 3.13, 3.14"),
        ("layer", "build", "--python", "3.10"),
    ),
    Typed(
        Case(80, "arch", "is not supported", "the architecture arm", "Choose x86_64 or arm64"),
        ("layer", "build", "--arch", "arm"),
    ),
    Typed(
        Case(81, "import", "which no layer and no runtime has", "shop imports uvicorn (line 2)", "add its package to"),
        ("imports",),
        {"shop.py": SHOP.replace("\n", "\nimport uvicorn\n", 1), **LOCKS},
        status=0,
    ),
    Typed(
        Case(
            82, "gate", "must not load sqlite3, but does", "shop → sqlite3", "Import it inside the function that needs"
        ),
        ("imports",),
        {**table(TABLE + '[tool.org-common.imports]\nshop = ["sqlite3"]\n'), "shop.py": "import sqlite3\n" + SHOP},
    ),
    Typed(
        Case(83, "no file", "File 'old.json' does not exist", "Invalid value for '--diff'", "'old.json'"),
        ("openapi", "--diff", "old.json"),
        status=2,
    ),
    Typed(
        Case(83, "no JSON", "is not valid JSON", "old.json", "line 1 column 2"),
        ("openapi", "--diff", "old.json"),
        {"old.json": "{"},
    ),
    Typed(
        Case(83, "no document", "is not an OpenAPI 3 document", "old.json", "write one with org-common openapi --out"),
        ("openapi", "--diff", "old.json"),
        {"old.json": "{}"},
    ),
    Typed(Case(84, "no colon", "cannot be loaded", "nope", "write it as module:name"), ("coldstart", "nope")),
    Typed(
        Case(84, "module", "No module named 'nope'", "nope:app", "Correct the name, or create the module"),
        ("coldstart", "nope:app"),
    ),
]
CASES = [typed.case for typed in TYPED]


@pytest.mark.parametrize("typed", TYPED, ids=ids(CASES))
def test_message_says_what_where_and_what_to_do(typed: Typed, tmp_path: Path) -> None:
    for name, text in {"pyproject.toml": TABLE, "shop.py": SHOP, **typed.files}.items():
        if text is not None:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)

    done = subprocess.run(
        [COMMAND, *typed.arguments],
        cwd=tmp_path,
        env={**environment(), **typed.environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    message = done.stdout + done.stderr
    print(message)
    assert done.returncode == typed.status, message
    assert "Traceback" not in message
    assert "s3cret" not in message
    check(typed.case, message)
