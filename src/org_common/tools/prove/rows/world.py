"""Two tenants, their people, and rows in every table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from org_common.tools.prove.catalog import Catalog
from org_common.tools.prove.declaration import Declaration
from org_common.tools.prove.rows.links import Links
from org_common.tools.prove.rows.values import Value

TENANTS = ("a", "b")
ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
OTHERS = "-"
"""Label of rows that belong to neither tenant."""


@dataclass(frozen=True, eq=False)
class Person:
    """A caller."""

    name: str
    """Name in the declaration, or that of a database role."""
    role: str
    """Database role of the requests."""
    tenant: str
    """"a" or "b"; "-" for a caller without a tenant."""
    user_id: str | None
    """Id of the user; None for a caller who is not signed in."""
    settings: Mapping[str, str]
    """Settings of a request, such as its claims."""


@dataclass(frozen=True)
class Row:
    """A row of the world."""

    table: str
    """Name of its table."""
    label: str
    """The tenant that it belongs to; "-" for none."""
    user_id: str | None
    """The user that it belongs to."""
    values: Mapping[str, Value]
    """All its values as text."""
    ctid: str
    """Where it is; another one after an update."""


@dataclass
class World:
    """The rows of two tenants and the callers."""

    catalog: Catalog
    """The catalog that the rows were made from."""
    declaration: Declaration
    """What the modules declare."""
    links: Links
    """The columns with tenants and users."""
    tenant_ids: dict[str, str] = field(default_factory=dict)
    """The ids of the tenants by label."""
    people: list[Person] = field(default_factory=list)
    """The callers."""
    rows: dict[str, list[Row]] = field(default_factory=dict)
    """The rows by table."""
    _ids: dict[str, str] = field(default_factory=dict, init=False)

    def person(self, name: str, tenant: str) -> Person | None:
        """The person of this tenant with this name."""
        return next((each for each in self.people if (each.name, each.tenant) == (name, tenant)), None)

    def find(self, name: str, tenant: str) -> Person:
        """The person of this tenant, or one without a tenant. Raises `LookupError`."""
        found = self.person(name, tenant) or self.person(name, OTHERS)
        if found is None:
            known = ", ".join(dict.fromkeys(each.name for each in self.people))
            raise LookupError(f"there is no person {name} of tenant {tenant}: known are {known}")
        return found

    def mine(self, person: Person, table: str) -> list[Row]:
        """The rows that belong to the person's tenant; without a tenant, to the person. All rows of a shared table."""
        rows = self.rows.get(table, [])
        if table in self.links.shared:
            return rows
        if person.tenant != OTHERS:
            return [row for row in rows if row.label == person.tenant]
        return self.own(person, table)

    def words(self, label: str, person: Person | None = None) -> dict[str, str]:
        """The values of {user}, {tenant}, {other} and of the names of people, for a tenant."""
        other = next(each for each in TENANTS if each != label)
        people = {each.name: each.user_id or "" for each in self.people if each.tenant in (label, OTHERS)}
        words = {"tenant": self.tenant_ids.get(label, ""), "other": self.tenant_ids.get(other, "")}
        return {**people, **words, "user": (person.user_id if person else None) or ""}

    def column(self, table: str, column: str, label: str) -> list[Value]:
        """The values of a column in the rows of a tenant and of no tenant."""
        rows = [row for row in self.rows.get(table, []) if row.label in (label, OTHERS)]
        return [row.values[column] for row in rows if column in row.values]

    def ids(self) -> dict[str, str]:
        """The tenant of each UUID that only rows of that tenant have."""
        if not self._ids:
            found: dict[str, set[str]] = {}
            for row in (row for rows in self.rows.values() for row in rows):
                for value in row.values.values():
                    if value and ID.fullmatch(value):
                        found.setdefault(value, set()).add(row.label)
            owners = {value: min(labels) for value, labels in found.items() if len(labels) == 1}
            self._ids.update((value, label) for value, label in owners.items() if label in TENANTS)
        return self._ids

    def own(self, person: Person, table: str) -> list[Row]:
        """The rows that belong to the person as a user."""
        return [row for row in self.rows.get(table, []) if row.user_id and row.user_id == person.user_id]
