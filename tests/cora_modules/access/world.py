"""The cast of these tests: two organizations, the people in and around them, and what the database holds."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from cora_modules.access.orgs import app
from org_common import Database
from org_common.testing.client import ISSUER, Answer, Client, Person
from org_common.tools.local import LocalDatabase

# Values that stand nowhere by chance, so that an answer which holds one has leaked it.
ACME = UUID("0198a000-aaaa-7000-8000-00000000ac3e")
GLOBEX = UUID("0198a000-bbbb-7000-8000-000000610be8")
ACME_DOMAIN = UUID("0198a000-aaaa-7000-8000-0000000d0aaa")
GLOBEX_DOMAIN = UUID("0198a000-bbbb-7000-8000-0000000d0bbb")
ORGS = ((ACME, "Acme Zq7 Rockets", "acme-zq7"), (GLOBEX, "Globex Kw4 Corp", "globex-kw4"))
DOMAINS = ((ACME, ACME_DOMAIN, "acme-zq7.example"), (GLOBEX, GLOBEX_DOMAIN, "globex-kw4.example"))
MEMBERS = (
    (ACME, "alice", "org_owner"),
    (ACME, "dave", "org_admin"),
    (ACME, "carol", "org_user"),
    (GLOBEX, "bob", "org_owner"),
)
# Known to the platform; erin is in no organization, root is its sys_owner and in none either.
USERS = ("alice", "dave", "carol", "bob", "erin", "root")
PEOPLE: dict[str, Person | None] = {
    **{name: Person(f"local|{name}") for name in USERS},
    # A valid token that belongs to no user.
    "stranger": Person("local|stranger", email="alice@zq7.example"),
    "expired": Person("local|alice", expires_in_s=-3600),
    "nobody": None,
}

# What no caller ever reads, whatever he sends: the words of our SQL, our stack, our libraries.
INSIDE = {"select", "insert", "access.", "jsonb", "sqlstate", "psycopg", "pydantic", "traceback", 'file "', ".py"}
TABLES = "select relname from pg_class where relnamespace = 'access'::regnamespace and relkind in ('r', 'p')"


class World:
    """A platform: its people, and an eye that sees all rows."""

    def __init__(self, local: LocalDatabase) -> None:
        self.local = local
        self.database = Database(local.settings)
        self.admin = psycopg.connect(local.admin_url, autocommit=True, row_factory=dict_row)
        self.users: dict[str, UUID] = {}
        self.begin()

    def begin(self) -> None:
        """All rows as at the beginning, whatever has been changed since."""
        with self.admin.transaction():
            # In any order, and without triggers.
            self.admin.execute("set local session_replication_role = replica")
            for schema, table in [*[("access", name) for name in self.tables()], ("app", "answers"), ("app", "outbox")]:
                self.admin.execute(sql.SQL("delete from {}").format(sql.Identifier(schema, table)))
            self.admin.execute("set local session_replication_role = default")
            self._seed()

    def close(self) -> None:
        self.database.close()
        self.admin.close()

    def as_(self, name: str) -> Client:
        """A client of the app for one of `PEOPLE`."""
        return Client(app, person=PEOPLE[name])

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table of the module, whoever may see them."""
        return self.admin.execute(sql.SQL("select * from access.{}").format(sql.Identifier(table))).fetchall()

    def row(self, table: str, id: object) -> dict[str, Any]:
        return next(row for row in self.rows(table) if str(row["id"]) == str(id))

    def insert(self, table: str, **values: object) -> Any:
        """One row into a table of the module; answers its id, if it has one."""
        columns = sql.SQL(", ").join(map(sql.Identifier, values))
        marks = sql.SQL(", ").join(sql.Placeholder() * len(values))
        statement = sql.SQL("insert into access.{} ({}) values ({}) returning *")
        found = self.admin.execute(statement.format(sql.Identifier(table), columns, marks), list(values.values()))
        row = found.fetchone()
        return row and row.get("id")

    def snapshot(self) -> dict[str, list[dict[str, Any]]]:
        """Every row of every table of the module."""
        return {table: sorted(self.rows(table), key=str) for table in self.tables()}

    def tables(self) -> list[str]:
        return [row["relname"] for row in self.admin.execute(TABLES)]

    def secrets(self) -> set[str]:
        """What nobody outside of Acme may read: every id, name and address of it."""
        org = self.row("orgs", ACME)
        people = [str(self.users[name]) for org_id, name, _ in MEMBERS if org_id == ACME]
        emails = [f"{name}@zq7.example" for name in USERS]
        names = [org["name"], org["slug"], org["description"], "acme-zq7.example"]
        return {str(ACME), str(ACME_DOMAIN), *names, *people, *emails}

    def _seed(self) -> None:
        for name in USERS:
            self.users[name] = self.insert(
                "users",
                email=f"{name}@zq7.example",
                full_name=name.title(),
                phone="+41 44 668 18 00",
                metadata='{"note": "private"}',
                sys_role="sys_owner" if name == "root" else None,
            )
            self.insert("user_identities", issuer=ISSUER, subject=f"local|{name}", user_id=self.users[name])
        for org_id, title, slug in ORGS:
            self.insert("orgs", id=org_id, name=title, slug=slug, description=f"The plans of {slug}")
        for org_id, name, role in MEMBERS:
            self.insert("org_members", org_id=org_id, user_id=self.users[name], org_role=role)
        for org_id, domain_id, domain in DOMAINS:
            self.insert("org_email_domains", org_id=org_id, id=domain_id, domain=domain)


def leaked(answer: Answer, secrets: set[str]) -> list[str]:
    """Those of the secrets that an answer holds, anywhere in it and in any case."""
    text = f"{answer.headers} {answer.body.decode()}".lower()
    return sorted(secret for secret in secrets if secret.lower() in text)


def is_a_problem(answer: Answer) -> bool:
    """A problem that says what RFC 9457 and we ask of one, and nothing of the inside."""
    body = answer.json()
    assert leaked(answer, INSIDE) == []
    assert {"type", "title", "status", "detail", "instance", "code"} <= body.keys()
    return answer.headers["content-type"] == "application/problem+json" and body["status"] == answer.status


def pointers(answer: Answer) -> list[tuple[str, str]]:
    return [(error["in"], error["pointer"]) for error in answer.json().get("errors", [])]
