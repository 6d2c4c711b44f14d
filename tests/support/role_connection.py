"""SQL sent as the database role of a request, without a route."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal, LiteralString, Protocol
from uuid import UUID

import psycopg
from psycopg import sql

from org_common.testing.client import ISSUER
from org_common.tools.database.local import LocalDatabase

Outcome = int | str
Statement = LiteralString | sql.SQL | sql.Composed
Role = Literal["anon", "authenticated", "app_sys"]
# The SQLSTATE of a missing privilege.
REFUSED = "42501"


class World(Protocol):
    """A database with data of a module."""

    @property
    def local(self) -> LocalDatabase: ...

    @property
    def admin(self) -> Any: ...


class RoleConnection:
    """A connection as in Lambda: a login without privileges, which becomes a role for one transaction.

    `values` are those of the placeholders in statements, `users` the ids of users by name. `rows_of` returns the
    condition for the rows of an organization in a table.
    """

    def __init__(
        self,
        world: World,
        schema: str,
        values: Mapping[str, object],
        users: Mapping[str, UUID],
        rows_of: Callable[[str, str], str] = lambda table, org: f"org_id = %({org})s",
    ) -> None:
        self._admin = world.admin
        self._conn = psycopg.connect(world.local.login_url, autocommit=True)
        self._schema = schema
        self._values = values
        self._users = users
        self._rows_of = rows_of

    def close(self) -> None:
        self._conn.close()

    def as_(self, name: str | None, statement: Statement, role: Role = "authenticated") -> Outcome:
        """The number of rows read or changed, or the SQLSTATE. Rolls back. None has empty claims."""
        claims: dict[str, object] = {}
        if name is not None:
            user_id = self._users.get(name)
            claims = {"iss": ISSUER, "outer_sub": f"local|{name}", "sub": None if user_id is None else str(user_id)}
        try:
            with self._conn.transaction(force_rollback=True):
                self._conn.execute(
                    "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true)",
                    [role, json.dumps(claims)],
                )
                return self._conn.execute(statement, self._values).rowcount
        except psycopg.Error as error:
            return error.sqlstate or "none"

    def attempt(self, verb: str, table: str, org: str = "acme", role: Role = "authenticated") -> sql.Composed:
        """A statement about all rows of an organization, in columns that the role may write.

        An INSERT copies a row of theirs.
        """
        name = sql.Identifier(self._schema, table)
        where = sql.SQL(" where {}").format(sql.SQL(self._rows_of(table, org)))
        if verb == "select":
            return sql.SQL("select from {}").format(name) + where
        if verb == "delete":
            return sql.SQL("delete from {}").format(name) + where
        if verb == "update":
            column = sql.Identifier(self._columns(table, "UPDATE", role)[0])
            return sql.SQL("update {} set {} = {}").format(name, column, column) + where
        copied = self._admin.execute(sql.SQL("select to_jsonb(t) as row from {} t").format(name) + where, self._values)
        row = copied.fetchone()
        assert row is not None, f"the world has no row of {org} in {self._schema}.{table}: add one"
        columns = sql.SQL(", ").join(map(sql.Identifier, self._columns(table, "INSERT", role)))
        return sql.SQL("insert into {0} ({1}) select {1} from jsonb_populate_record(null::{0}, {2})").format(
            name, columns, sql.Literal(json.dumps(row["row"]))
        )

    def _columns(self, table: str, verb: Literal["INSERT", "UPDATE"], role: Role) -> list[str]:
        """The columns that the role may write, or all columns if there are none."""
        granted = self._admin.execute(
            """
            select attname, has_column_privilege(%s, attrelid, attnum, %s) as is_granted from pg_attribute
            where attrelid = %s::regclass and attnum > 0 and not attisdropped and attgenerated = '' order by attnum
            """,
            [role, verb, f"{self._schema}.{table}"],
        ).fetchall()
        return [row["attname"] for row in granted if row["is_granted"]] or [row["attname"] for row in granted]
