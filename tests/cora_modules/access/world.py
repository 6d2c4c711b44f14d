"""The data of these tests: two organizations, their members, and users outside of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID, uuid4

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from cora_modules.access import invites, orgs, users
from org_common import App, Database
from org_common.events import http_api as gateway
from org_common.testing.client import ISSUER, Answer, Client, Person
from org_common.tools.database.local import LocalDatabase
from org_common.values.types import LocalContext
from tests.support.proxy import Proxy

# Values that appear nowhere by chance: a response that contains one has leaked it.
ACME = UUID("0198a000-aaaa-7000-8000-00000000ac3e")
GLOBEX = UUID("0198a000-bbbb-7000-8000-000000610be8")
ACME_DOMAIN = UUID("0198a000-aaaa-7000-8000-0000000d0aaa")
GLOBEX_DOMAIN = UUID("0198a000-bbbb-7000-8000-0000000d0bbb")
ACME_INVITE = UUID("0198a000-aaaa-7000-8000-000000011111")
GLOBEX_INVITE = UUID("0198a000-bbbb-7000-8000-000000011111")
ORGS = ((ACME, "Acme Zq7 Rockets", "acme-zq7"), (GLOBEX, "Globex Kw4 Corp", "globex-kw4"))
DOMAINS = ((ACME, ACME_DOMAIN, "acme-zq7.example"), (GLOBEX, GLOBEX_DOMAIN, "globex-kw4.example"))
MEMBERS = (
    (ACME, "alice", "org_owner"),
    (ACME, "dave", "org_admin"),
    (ACME, "carol", "org_user"),
    (GLOBEX, "bob", "org_owner"),
)
# Users of the platform. Erin, sam (sys_admin) and root (sys_owner) belong to no organization.
USERS = ("alice", "dave", "carol", "bob", "erin", "sam", "root")
IDS = {name: UUID(f"0198a000-cccc-7000-8000-00000000000{at}") for at, name in enumerate(USERS)}
SYS_ROLES = {"sam": "sys_admin", "root": "sys_owner"}
PEOPLE: dict[str, Person | None] = {
    **{name: Person(f"local|{name}") for name in USERS},
    # A valid token that belongs to no user.
    "stranger": Person("local|stranger", email="alice@zq7.example"),
    # This one neither, but Acme has invited its e-mail.
    "guest": Person("local|guest", email="guest@zq7.example"),
    "expired": Person("local|alice", expires_in_s=-3600),
    "anonymous": None,
}
# Organization, id, e-mail, role, status, inviter. The tokens are `invite_token(email)`.
INVITES = (
    (ACME, ACME_INVITE, "guest@zq7.example", "org_user", "pending", "alice"),
    (ACME, None, "boss@zq7.example", "org_owner", "pending", "alice"),
    (ACME, None, "late@zq7.example", "org_admin", "late", "dave"),
    (ACME, None, "expired@zq7.example", "org_user", "expired", "dave"),
    (ACME, None, "revoked@zq7.example", "org_user", "revoked", "dave"),
    (ACME, None, "accepted@zq7.example", "org_user", "accepted", "dave"),
    (GLOBEX, GLOBEX_INVITE, "guest@kw4.example", "org_admin", "pending", "bob"),
)
# No response contains these: words of our SQL, our stack traces, our libraries.
INTERNALS = {"select", "insert", "access.", "jsonb", "sqlstate", "psycopg", "pydantic", "traceback", 'file "', ".py"}
APPS = (orgs.app, users.app, invites.app)
TABLES = "select relname from pg_class where relnamespace = 'access'::regnamespace and relkind in ('r', 'p')"


class TokenHolder(Person):
    """A person whose token the authorizer has accepted. The app gets exactly these claims, even invalid ones."""

    def __init__(
        self,
        name: str,
        *,
        issuer: str = ISSUER,
        subject: str | None = None,
        email: str | None = None,
        verified: bool = True,
        jti: str | None = "test",
    ) -> None:
        super().__init__(subject or f"local|{name}", issuer=issuer, email=email, email_verified=verified)
        self._jti = jti

    def claims(self) -> str:
        return json.dumps({**json.loads(super().claims()), "jti": self._jti})


class ModuleClient(Client):
    """A client of all apps of the module: each request goes to the app that serves its path, as in API Gateway."""

    def __init__(self, person: Person | None) -> None:
        super().__init__(orgs.app, person=person)
        self._token_holder = person if isinstance(person, TokenHolder) else None
        self._clients = [(app, Client(app, person=person)) for app in APPS]

    def send(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        app, client = next((each for each in self._clients if each[0].pipeline.table.knows(path)), self._clients[0])
        if self._token_holder is None:
            return client.send(method, path, body=body, query=query, headers=headers)
        sent = b"" if body is None else json.dumps(body).encode()
        head = {"content-type": "application/json", **(headers or {})} if sent else headers
        claims = self._token_holder.claims()
        event = gateway.event(method, path, query=query, headers=head, body=sent, claims=claims)
        return Answer(app(event, LocalContext("test", 29)))


class World:
    """A platform with its users, and a superuser connection that sees all rows."""

    apps: Sequence[App] = APPS
    """The apps of the module."""

    def __init__(self, local: LocalDatabase) -> None:
        self.local = local
        self.database = Database(local.settings)
        self.admin = psycopg.connect(local.admin_url, autocommit=True, row_factory=dict_row)
        self.users: dict[str, UUID] = {}
        self.reset()

    def reset(self) -> None:
        """Restore the initial rows."""
        with self.admin.transaction():
            # Disables triggers and foreign keys, so the order of tables does not matter.
            self.admin.execute("set local session_replication_role = replica")
            for schema, table in self.all_tables():
                self.admin.execute(sql.SQL("delete from {}").format(sql.Identifier(schema, table)))
            self.admin.execute("set local session_replication_role = default")
            self._seed()

    @contextmanager
    def served(self) -> Iterator[None]:
        """Let the apps of the module use this database within the block."""
        for app in self.apps:
            app.use(self.database)
        yield
        for app in self.apps:
            app.use(None)

    @contextmanager
    def proxied(self, connect: Callable[[], object]) -> Iterator[Proxy]:
        """Put a proxy between the apps of the module and the server; `connect` sends the first request."""
        address = urlsplit(self.local.login_url)
        with Proxy(address.hostname or "", address.port or 0) as proxy:
            local = replace(self.local, login_url=proxy.url(self.local.login_url))
            with closing(Database(local.settings)) as database:
                for app in self.apps:
                    app.use(database)
                connect()
                proxy.reset()
                yield proxy

    def close(self) -> None:
        self.database.close()
        self.admin.close()

    def as_(self, name: str | Person) -> Client:
        """A client of the module for one of `PEOPLE`, or for another person."""
        return ModuleClient(name if isinstance(name, Person) else PEOPLE[name])

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table of the module, as the superuser sees them."""
        return self.admin.execute(sql.SQL("select * from access.{}").format(sql.Identifier(table))).fetchall()

    def row(self, table: str, id: object) -> dict[str, Any]:
        return next(row for row in self.rows(table) if str(row["id"]) == str(id))

    def insert(self, table: str, **values: object) -> Any:
        """Insert a row into a table of the module access. Returns its id, or None if the table has none."""
        return self.insert_into("access", table, values)

    def insert_into(self, schema: str, table: str, values: Mapping[str, object]) -> Any:
        """Insert a row into a table of any module. Returns its id, or None if the table has none."""
        columns = sql.SQL(", ").join(map(sql.Identifier, values))
        marks = sql.SQL(", ").join(sql.Placeholder() * len(values))
        statement = sql.SQL("insert into {} ({}) values ({}) returning *")
        name = sql.Identifier(schema, table)
        inserted = self.admin.execute(statement.format(name, columns, marks), list(values.values()))
        row = inserted.fetchone()
        return row and row.get("id")

    def snapshot(self) -> dict[str, list[dict[str, Any]]]:
        """Every row of every table of the module."""
        return {table: sorted(self.rows(table), key=str) for table in self.tables()}

    def everything(self) -> dict[str, list[str]]:
        """Every row of the tables of the module and of the SDK, as text. A refused request changes none of them."""
        rows = {}
        for schema, table in self.all_tables():
            query = sql.SQL("select t::text as row from {} t order by 1").format(sql.Identifier(schema, table))
            rows[f"{schema}.{table}"] = [row["row"] for row in self.admin.execute(query)]
        return rows

    def all_tables(self) -> list[tuple[str, str]]:
        return [*[("access", name) for name in self.tables()], ("app", "stored_responses"), ("app", "outbox")]

    def tables(self) -> list[str]:
        return [row["relname"] for row in self.admin.execute(TABLES)]

    def secrets(self) -> set[str]:
        """What only members of Acme may read: its ids, names and addresses."""
        org = self.row("orgs", ACME)
        people = [str(self.users[name]) for org_id, name, _ in MEMBERS if org_id == ACME]
        emails = [f"{name}@zq7.example" for name in USERS] + [invite[2] for invite in INVITES if invite[0] == ACME]
        names = [org["name"], org["slug"], org["description"], "acme-zq7.example"]
        return {str(ACME), str(ACME_DOMAIN), str(ACME_INVITE), *names, *people, *emails}

    def _seed(self) -> None:
        for name in USERS:
            self.users[name] = self.insert(
                "users",
                id=IDS[name],
                email=f"{name}@zq7.example",
                full_name=name.title(),
                phone="+41 44 668 18 00",
                metadata='{"note": "private"}',
                sys_role=SYS_ROLES.get(name, "sys_user"),
            )
            self.insert("user_identities", issuer=ISSUER, subject=f"local|{name}", user_id=self.users[name])
        for org_id, title, slug in ORGS:
            self.insert("orgs", id=org_id, name=title, slug=slug, description=f"The plans of {slug}")
        for org_id, name, role in MEMBERS:
            self.insert("org_members", org_id=org_id, user_id=self.users[name], org_role=role)
        for org_id, domain_id, domain in DOMAINS:
            self.insert("org_email_domains", org_id=org_id, id=domain_id, domain=domain)
        for org_id, invite_id, email, role, status, inviter in INVITES:
            self.invite(org_id, email, role, status, inviter, id=invite_id or uuid4())
        hour = datetime.now(UTC) + timedelta(hours=1)
        self.insert("former_members", org_id=ACME, user_id=self.users["erin"])
        for domain, same_as in (("gmail.com", None), ("googlemail.com", "gmail.com")):
            self.insert("mailbox_rules", domain=domain, ignored=".", same_as=same_as)
        self.insert("user_sessions", user_id=self.users["alice"], issuer=ISSUER, token_id="earlier", expires_at=hour)
        self.insert("auth_log", user_id=self.users["alice"], event="provisioned", detail="{}")
        self.insert("bootstrap_identities", issuer=ISSUER, kind="subject", value="local|first")
        self.insert("bootstrap_identities", issuer=ISSUER, kind="email", value="first@zq7.example")

    def invite(
        self,
        org_id: UUID,
        email: str,
        role: str = "org_user",
        status: str = "pending",
        inviter: str = "alice",
        *,
        token: str | None = None,
        **more: Any,
    ) -> str:
        """Insert an invitation and return its token. The status "late" is pending and past its expiry."""
        token = token or invite_token(email)
        self.insert(
            "invites",
            org_id=org_id,
            email=email,
            role=role,
            status="pending" if status == "late" else status,
            token_hash=hashlib.sha256(token.encode()).digest(),
            invited_by=self.users[inviter],
            expires_at=datetime.now(UTC) + timedelta(days=-1 if status in ("late", "expired") else 7),
            **more,
        )
        return token


def invite_token(email: str) -> str:
    return f"token-of-{email}"


def pages(client: Client, path: str, limit: int) -> list[list[dict[str, Any]]]:
    """The items of each page of a list, in order."""
    items: list[list[dict[str, Any]]] = []
    query = {"limit": str(limit)}
    while True:
        page = client.send("GET", path, query=urlencode(query)).json()
        items.append(page["items"])
        if page["nextCursor"] is None:
            return items
        query["cursor"] = page["nextCursor"]


def leaked(response: Answer, secrets: set[str]) -> list[str]:
    """The secrets that the response contains, in its headers or body, in upper or lower case."""
    text = f"{response.headers} {response.body.decode()}".lower()
    return sorted(secret for secret in secrets if secret.lower() in text)


def is_problem(response: Answer) -> bool:
    """Whether the response is a problem with the members of RFC 9457 and ours, and without internals."""
    body = response.json()
    assert leaked(response, INTERNALS) == []
    assert {"type", "title", "status", "detail", "instance", "code"} <= body.keys()
    return response.headers["content-type"] == "application/problem+json" and body["status"] == response.status


def pointers(response: Answer) -> list[tuple[str, str]]:
    return [(error["in"], error["pointer"]) for error in response.json().get("errors", [])]
