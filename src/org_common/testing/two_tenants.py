"""Two tenants with rows in every table, for tests of row-level security."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psycopg

    from org_common.tools.prove.proof import Proof


class TwoTenants:
    """The rows and callers that `org-common db prove` makes, in a transaction that is rolled back."""

    def __init__(self, proof: Proof) -> None:
        """Use the fixture `two_tenants` instead."""
        self._proof = proof

    @property
    def ids(self) -> dict[str, str]:
        """The ids of the tenants, by "a" and "b"."""
        return dict(self._proof.world.tenant_ids)

    def user_id(self, name: str, tenant: str = "a") -> str:
        """The id of the user of a person in isolation.toml. Raises `LookupError` for one who is not signed in."""
        person = self._proof.world.find(name, tenant)
        if person.user_id is None:
            raise LookupError(f"{name} is not signed in")
        return person.user_id

    def rows(self, table: str, tenant: str = "a") -> list[dict[str, str | None]]:
        """The rows of a tenant in a table such as "shop.orders", with all values as text."""
        rows = self._proof.world.rows[table]
        return [dict(row.values) for row in rows if row.label == tenant]

    @contextmanager
    def as_user(self, name: str, tenant: str = "a") -> Iterator[psycopg.Connection]:
        """A connection with the role and claims of a person in isolation.toml. What the block changes is rolled back.

        A person without a tenant, such as a platform administrator, is the same for both. Raises `LookupError` for an
        unknown one.
        """
        person = self._proof.world.find(name, tenant)
        conn = self._proof.prober.conn
        with conn.transaction(force_rollback=True):
            for setting, value in person.settings.items():
                conn.execute("select set_config(%s, %s, true)", [setting, value])
            conn.execute("select set_config('role', %s, true)", [person.role])
            yield conn

    def assert_isolated(self, table: str) -> None:
        """Assert everything that `org-common db prove` does about a table, view or function, by its name.

        Raises `AssertionError` with each problem and the SQL that reproduces it.
        """
        cells = [cell for cell in self._proof.cells if cell.subject == table]
        assert cells, f"there is no {table} in the declarations"
        findings = [*self._proof.check(cells)]
        problems = "\n".join(f"{each.cell.name}: {each.problem}\n{each.script}" for each in findings)
        assert not findings, problems
