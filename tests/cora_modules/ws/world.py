"""The data of these tests: the organizations of the tests of access, with workspaces, their members and settings."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import sql

from cora_modules.ws import config, plugins, workspaces
from org_common.testing.client import ISSUER, Client, Person
from tests.cora_modules.access.world import ACME, GLOBEX, ModuleClient, World
from tests.cora_modules.access.world import IDS as ACCESS_IDS
from tests.cora_modules.access.world import PEOPLE as ACCESS_PEOPLE

# Values that appear nowhere by chance: a response that contains one has leaked it.
ROCKETS = UUID("0198a000-aaaa-7000-8000-00000000ac01")
OLD = UUID("0198a000-aaaa-7000-8000-00000000ac02")
PLANS = UUID("0198a000-bbbb-7000-8000-000000610b01")
WORKSPACES = ((ACME, ROCKETS, "Rockets Qx3"), (ACME, OLD, "Old Qx3"), (GLOBEX, PLANS, "Plans Lm9"))
# Frank and grace are members of Acme. Its owner, alice, is a member of no workspace.
NEW_USERS = ("frank", "grace")
IDS = ACCESS_IDS | {name: UUID(f"0198a000-cccc-7000-8000-00000000001{at}") for at, name in enumerate(NEW_USERS)}
PEOPLE: dict[str, Person | None] = {**ACCESS_PEOPLE, **{name: Person(f"local|{name}") for name in NEW_USERS}}
WS_MEMBERS = (
    (ACME, ROCKETS, "carol", "ws_owner"),
    (ACME, ROCKETS, "dave", "ws_admin"),
    (ACME, ROCKETS, "frank", "ws_user"),
    (ACME, OLD, "carol", "ws_owner"),
    (ACME, OLD, "frank", "ws_user"),
    (GLOBEX, PLANS, "bob", "ws_owner"),
)
APPS = (workspaces.app, config.app, plugins.app)
TABLES = "select relname from pg_class where relnamespace = 'ws'::regnamespace and relkind in ('r', 'p')"


class WsClient(ModuleClient):
    """A client of all apps of the module."""

    def __init__(self, person: Person | None) -> None:
        super().__init__(person)
        self._clients = [(app, Client(app, person=person)) for app in APPS]


class WsWorld(World):
    """The world of access, with workspaces."""

    apps = APPS

    def as_(self, name: str | Person) -> Client:
        return WsClient(name if isinstance(name, Person) else PEOPLE[name])

    def all_tables(self) -> list[tuple[str, str]]:
        return [*[("ws", name) for name in self.ws_tables()], *super().all_tables()]

    def ws_tables(self) -> list[str]:
        return sorted(row["relname"] for row in self.admin.execute(TABLES))

    def snapshot(self) -> dict[str, list[dict[str, Any]]]:
        """Every row of every table of the module, and of the organizations' members."""
        tables = {table: sorted(self.ws_rows(table), key=str) for table in self.ws_tables()}
        return {**tables, "org_members": sorted(self.rows("org_members"), key=str)}

    def ws_rows(self, table: str, where: str = "true") -> list[dict[str, Any]]:
        """The rows of a table of the module, as the superuser sees them."""
        query = sql.SQL("select * from ws.{} where {}").format(sql.Identifier(table), sql.SQL(where))
        return self.admin.execute(query).fetchall()

    def add(self, table: str, **values: object) -> Any:
        """Insert a row into a table of the module. Returns its id, or None if the table has none."""
        return self.insert_into("ws", table, values)

    def join(self, ws_id: UUID, name: str, role: str = "ws_user", org_id: UUID = ACME) -> None:
        """Make a member of the organization a member of its workspace."""
        self.add("ws_members", org_id=org_id, ws_id=ws_id, user_id=IDS[name], ws_role=role)

    def roles(self, ws_id: UUID) -> dict[str, str]:
        """The live members of a workspace by name, with their roles."""
        names = {id: name for name, id in IDS.items()}
        return {
            names[row["user_id"]]: row["ws_role"]
            for row in self.ws_rows("ws_members", "deleted_at is null")
            if row["ws_id"] == ws_id
        }

    def set_sys(self, **values: int) -> None:
        for column, value in values.items():
            statement = sql.SQL("update ws.ws_config_sys set {} = %s").format(sql.Identifier(column))
            self.admin.execute(statement, [value])

    def secrets(self) -> set[str]:
        """What only members of Acme's workspaces may read: their ids and names."""
        names = [name for org_id, _, name in WORKSPACES if org_id == ACME]
        return {str(ROCKETS), str(OLD), *names, "rocket plans qx3", "qx3-setting"}

    def _seed(self) -> None:
        super()._seed()
        for name in NEW_USERS:
            email = f"{name}@zq7.example"
            self.users[name] = self.insert("users", id=IDS[name], email=email, full_name=name.title())
            self.insert("user_identities", issuer=ISSUER, subject=f"local|{name}", user_id=IDS[name])
            self.insert("org_members", org_id=ACME, user_id=IDS[name], org_role="org_user")
        self.add("ws_config_sys", only_row=True)
        for org_id in (ACME, GLOBEX):
            self.add("ws_config_org", org_id=org_id, max_workspaces_per_user=50)
        for org_id, ws_id, title in WORKSPACES:
            self.add("workspaces", org_id=org_id, id=ws_id, name=title, description="Rocket plans Qx3", color="#112233")
        for org_id, ws_id, name, role in WS_MEMBERS:
            self.join(ws_id, name, role, org_id)
        # Grace was removed from it.
        self.join(ROCKETS, "grace")
        removed = "deleted_at = now(), purge_at = now() + interval '30 days'"
        self.admin.execute(f"update ws.ws_members set {removed} where user_id = %s", [IDS["grace"]])
        for org_id, ws_id, name in ((ACME, ROCKETS, "frank"), (GLOBEX, PLANS, "bob")):
            self.add("ws_favorites", org_id=org_id, ws_id=ws_id, user_id=IDS[name])
            self.add("ws_plugins", org_id=org_id, ws_id=ws_id, module="kb", config='{"key": "qx3-setting"}')
        self.admin.execute(
            "update ws.ws_members set deleted_at = now(), deleted_with_ws = true where ws_id = %s", [OLD]
        )
        self.admin.execute(f"update ws.workspaces set {removed} where id = %s", [OLD])


def expire(world: WsWorld, ws_id: UUID) -> None:
    """Let the retention of a deleted workspace be over."""
    world.admin.execute("update ws.workspaces set purge_at = now() - interval '1 hour' where id = %s", [ws_id])
