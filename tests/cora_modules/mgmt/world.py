"""The data of these tests: the organizations of module access, with rows of module mgmt in every table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from typing import Any

from psycopg import sql

from cora_modules.mgmt import lambda_config, modules, monitoring
from org_common import Database
from org_common.db.connections.pool import Pooled
from org_common.testing.client import Client, Person
from org_common.tools.database.local import LocalDatabase
from tests.cora_modules.access.world import ACME, GLOBEX, PEOPLE, ModuleClient, World

APPS = (lambda_config.app, modules.app, monitoring.app)
TABLES = "select relname from pg_class where relnamespace = 'mgmt'::regnamespace and relkind in ('r', 'p') order by 1"
# Values that appear nowhere by chance: a response that contains one has leaked it.
ACME_SECRET, GLOBEX_SECRET, SYS_SECRET = "acme-zq7-config", "globex-kw4-config", "platform-vx3-config"
FUNCTION = "access-orgs"
MODULES: tuple[tuple[str, str, list[str]], ...] = (
    ("access", "core", []),
    ("mgmt", "core", ["access"]),
    ("ws", "functional", ["access"]),
    ("ai", "functional", ["access"]),
    ("kb", "functional", ["ws", "ai"]),
    ("chat", "functional", ["ws", "ai"]),
)


class MgmtClient(ModuleClient):
    """A client of all apps of the module: each request goes to the app that serves its path, as in API Gateway."""

    def __init__(self, person: Person | None) -> None:
        super().__init__(person)
        self._clients = [(app, Client(app, person=person)) for app in APPS]


class MgmtWorld(World):
    """The organizations and users of `World`, and the rows of this module."""

    apps = APPS

    def __init__(self, local: LocalDatabase) -> None:
        self.mgmt_tables: list[str] = []
        super().__init__(local)

    def as_(self, name: str | Person) -> MgmtClient:
        return MgmtClient(name if isinstance(name, Person) else PEOPLE[name])

    def all_tables(self) -> list[tuple[str, str]]:
        self.mgmt_tables = [row["relname"] for row in self.admin.execute(TABLES)]
        return [*super().all_tables(), *[("mgmt", table) for table in self.mgmt_tables]]

    def snapshot(self) -> dict[str, list[Any]]:
        """Every row of every table, as text."""
        return dict(self.everything())

    def add(self, table: str, **values: object) -> None:
        """Insert a row into a table of the module."""
        self.insert_into("mgmt", table, values)

    def read(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table of the module, as the superuser sees them."""
        return self.admin.execute(sql.SQL("select * from mgmt.{}").format(sql.Identifier(table))).fetchall()

    def _seed(self) -> None:
        super()._seed()
        for name, kind, dependencies in MODULES:
            self.add(
                "modules",
                name=name,
                kind=kind,
                version="1.0",
                dependencies=dependencies,
                config=f'{{"note": "{SYS_SECRET}"}}',
            )
        for org_id, secret in ((ACME, ACME_SECRET), (GLOBEX, GLOBEX_SECRET)):
            self.add("modules_org", org_id=org_id, module="ws", config=f'{{"note": "{secret}"}}')
            self.add(
                "usage_daily",
                org_id=org_id,
                day=date(2026, 1, 31),
                module="access",
                calls=20,
                errors=1,
                duration_ms=400,
                cold_starts=2,
            )
        self.add("function_daily", function=FUNCTION, day=date(2026, 1, 31), invocations=20, errors=0, cold_starts=2)
        self.add("lambda_settings", function=FUNCTION, memory_mb=512)


@contextmanager
def crowd(world: MgmtWorld, size: int, name: str = "sam") -> Iterator[list[MgmtClient]]:
    """Clients whose requests may run at the same time, each on its own connection."""
    settings = world.local.settings
    with closing(Database(settings, Pooled(settings, size=size, wait_s=60))) as database:
        for app in APPS:
            app.use(database)
        yield [world.as_(name) for _ in range(size)]
        for app in APPS:
            app.use(world.database)
