"""Which column of each table names its tenant and its user, as foreign keys or the declaration say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from org_common.tools.prove.catalog import Catalog, ForeignKey, Relation
from org_common.tools.prove.declaration import Declaration, DeclarationError

EXAMPLE = 'tenants = "access.orgs"\nusers = "access.users"'


@dataclass(frozen=True)
class Links:
    """How the tables of a database hang together."""

    order: list[Relation]
    """Tables after the tables that they reference."""
    tenant: dict[str, str]
    """Column with the tenant, by table."""
    user: dict[str, str]
    """Column with the user, by table."""
    shared: frozenset[str]
    """Tables whose rows belong to no tenant."""


def find(catalog: Catalog, declaration: Declaration) -> Links:
    """The links of all tables. Raises `DeclarationError` if the table of tenants or of users does not exist."""
    for key, name, wanted in (("tenants", declaration.tenants, True), ("users", declaration.users, False)):
        if (name or wanted) and name not in catalog.relations:
            problem = f"there is no table {name}" if name else "the table with one row per tenant is missing"
            raise DeclarationError(f"{', '.join(declaration.files)}: {key}: {problem}. Example:\n{EXAMPLE}")
    order = [*_ordered(catalog)]
    tenant = _columns(order, declaration.tenants)
    tenant |= {name: entry.tenant for name, entry in declaration.tables.items() if isinstance(entry.tenant, str)}
    user = _columns(order, declaration.users) if declaration.users else {}
    user |= {name: entry.own for name, entry in declaration.tables.items() if entry.own}
    shared = {each.name for each in order if _is_declared_shared(declaration, each)}
    for name in shared:
        tenant.pop(name, None)
    shared |= {each.name for each in _without_owner(order, tenant, user)} - {declaration.users}
    return Links(order, tenant, user, frozenset(shared))


def _is_declared_shared(declaration: Declaration, table: Relation) -> bool:
    entry = declaration.tables.get(table.name)
    return entry is not None and entry.tenant is False


def _ordered(catalog: Catalog) -> Iterator[Relation]:
    """A table after the parents of its required keys, and after those of its nullable keys unless that is a cycle."""
    left = {table.name: table for table in catalog.tables}

    def missing(table: Relation) -> tuple[int, int]:
        parents = {
            key: is_required(table, key) for key in table.keys if key.parent in left and key.parent != table.name
        }
        return sum(parents.values()), len(parents)

    while left:
        table = min(left.values(), key=missing)
        del left[table.name]
        yield table


def is_required(table: Relation, key: ForeignKey) -> bool:
    """Whether each row has a parent."""
    return all(table.columns[column].is_required for column in key.columns)


def _columns(order: list[Relation], root: str) -> dict[str, str]:
    """The column of each table that leads to the root's key, directly or through the same column of a parent."""
    found = {each.name: each.primary[0] for each in order if each.name == root}
    for _ in order:
        before = len(found)
        for table in order:
            for key in sorted(table.keys, key=lambda key: not is_required(table, key)):
                column = found.get(key.parent)
                if table.name not in found and column in key.parent_columns:
                    mine = key.columns[key.parent_columns.index(column)]
                    if table.columns[mine].is_required:
                        found[table.name] = mine
        if len(found) == before:
            break
    return found


def _without_owner(order: list[Relation], tenant: dict[str, str], user: dict[str, str]) -> Iterator[Relation]:
    """Tables with neither a tenant nor a user, and without a required parent that has one."""
    owned = {each.name for each in order if each.name in tenant or each.name in user}
    for table in order:
        if table.name in owned:
            continue
        if any(is_required(table, key) and key.parent in owned for key in table.keys):
            owned.add(table.name)
        else:
            yield table
