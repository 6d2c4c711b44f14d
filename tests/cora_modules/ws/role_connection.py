"""SQL sent as the database role of a request, without a route."""

from __future__ import annotations

import json
from typing import Literal

import psycopg
from psycopg import sql

from org_common.testing.client import ISSUER
from tests.cora_modules.access.world import ACME, GLOBEX
from tests.cora_modules.ws.world import IDS, OLD, PLANS, ROCKETS, WsWorld

Outcome = int | str
Statement = sql.SQL | sql.Composed
Role = Literal["anon", "authenticated", "app_sys"]
REFUSED = "42501"
VALUES = {"acme": ACME, "globex": GLOBEX, "rockets": ROCKETS, "old": OLD, "plans": PLANS, **IDS}


class RoleConnection:
    """A connection as in Lambda: a login without privileges, which becomes a role for one transaction."""

    def __init__(self, world: WsWorld) -> None:
        self._world = world
        self._conn = psycopg.connect(world.local.login_url, autocommit=True)

    def close(self) -> None:
        self._conn.close()

    def as_(self, name: str | None, statement: Statement, role: Role = "authenticated") -> Outcome:
        """The number of rows read or changed, or the SQLSTATE. Rolls back."""
        claims: dict[str, object] = {}
        if name is not None:
            claims = {"iss": ISSUER, "outer_sub": f"local|{name}", "sub": str(IDS[name]) if name in IDS else None}
        try:
            with self._conn.transaction(force_rollback=True):
                self._conn.execute(
                    "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true)",
                    [role, json.dumps(claims)],
                )
                return self._conn.execute(statement, VALUES).rowcount
        except psycopg.Error as error:
            return error.sqlstate or "none"

    def attempt(self, verb: str, table: str, org_id: str = "acme") -> sql.Composed:
        """A statement about all rows of an organization, in columns that `authenticated` may write."""
        name = sql.SQL("ws.{}").format(sql.Identifier(table))
        where = sql.SQL(" where true" if table == "ws_config_sys" else f" where org_id = %({org_id})s")
        if verb == "select":
            return sql.SQL("select from {}").format(name) + where
        if verb == "delete":
            return sql.SQL("delete from {}").format(name) + where
        if verb == "update":
            column = sql.Identifier(self._columns(table, "UPDATE")[0])
            return sql.SQL("update {} set {} = {}").format(name, column, column) + where
        columns = sql.SQL(", ").join(map(sql.Identifier, self._columns(table, "INSERT")))
        copied = self._world.admin.execute(sql.SQL("select to_jsonb(t) as row from {} t").format(name) + where, VALUES)
        row = copied.fetchone()
        assert row is not None, f"WsWorld has no row of {org_id} in ws.{table}: add one"
        return sql.SQL("insert into {} ({}) select {} from jsonb_populate_record(null::{}, {})").format(
            name, columns, columns, name, sql.Literal(json.dumps(row["row"]))
        )

    def _columns(self, table: str, verb: Literal["INSERT", "UPDATE"]) -> list[str]:
        """The columns that `authenticated` may write, or all columns if there are none."""
        granted = self._world.admin.execute(
            """
            select attname, has_column_privilege('authenticated', attrelid, attnum, %s) as is_granted from pg_attribute
            where attrelid = ('ws.' || %s)::regclass and attnum > 0 and not attisdropped order by attnum
            """,
            [verb, table],
        ).fetchall()
        return [row["attname"] for row in granted if row["is_granted"]] or [row["attname"] for row in granted]
