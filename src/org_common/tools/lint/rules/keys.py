"""Rules about the tenant column, and about the keys between tables of tenants."""

from __future__ import annotations

from collections.abc import Iterator

from org_common.tools.lint.catalog import Index, Key, Relation, quoted
from org_common.tools.lint.context import Context
from org_common.tools.lint.expressions import serves
from org_common.tools.lint.finding import Problem, rule


@rule(
    "tenant-column-unknown",
    "warning",
    "A database whose tenant column was not found",
    why="The rules about the tenant column and the keys between tenants did not run, and those about policies that open"
    " the rows of all tenants found less.",
    fix="Name the column with --tenant-column. Without tenants, waive this in a comment on the database.",
)
def tenant_column_unknown(context: Context) -> Iterator[Problem]:
    if context.tenant is None and any(context.holders(table) for table in context.tables):
        yield Problem(
            f"database {context.catalog.database}",
            "the rules about tenants did not run: no column has a known name, and policies and keys suggest none",
            "org-common db lint --tenant-column …",
        )


@rule(
    "tenant-column-nullable",
    "error",
    "A tenant column that can be null",
    why="A row that lacks a tenant is lost to all of them, or a careless policy shows it to all.",
    fix="Set NOT NULL on the column. Keep rows of the platform in a table of their own.",
)
def tenant_column_nullable(context: Context) -> Iterator[Problem]:
    for table in context.tables:
        column = context.tenant_column(table)
        if column is not None and column.nullable:
            yield Problem(
                f"column {column.name} of {table.label}",
                "the tenant of a row can be null",
                f"alter table {table.full_name} alter column {quoted(column.name)} set not null",
                table.label,
            )


@rule(
    "tenant-column-unindexed",
    "warning",
    "A tenant column that lacks an index",
    why="The policies compare the tenant column, so each read scans the rows of all tenants.",
    fix="Create an index that begins with the tenant column, such as a primary key (org_id, id). A partial index counts"
    " if its predicate is part of all conditions for SELECT.",
)
def tenant_column_unindexed(context: Context) -> Iterator[Problem]:
    for table in context.tables:
        column = context.tenant_column(table)
        if column is None or not table.secured:
            continue
        reading = [policy.using for policy in table.policies if policy.permissive and policy.applies("select")]
        leading = [index for index in table.indexes if index.columns[:1] == (column.number,)]
        # Without a policy, only an index of all rows counts.
        if not any(all(serves(index, condition) for condition in reading or [None]) for index in leading):
            yield Problem(
                f"column {column.name} of {table.label}",
                "no index of the rows that the policies show begins with it",
                f"create index on {table.full_name} ({quoted(column.name)}, …)",
                table.label,
            )


@rule(
    "foreign-key-without-tenant",
    "error",
    "A foreign key between tables of tenants that leaves out the tenant",
    why="PostgreSQL ignores policies when it checks foreign keys."
    " A row can refer to one of another tenant, an insert tells"
    " whether a hidden row exists, and a cascade changes rows of other tenants.",
    fix="Reference (org_id, id) from (org_id, …_id).",
)
def foreign_key_without_tenant(context: Context) -> Iterator[Problem]:
    for table, key, target in _foreign_keys(context):
        mine, theirs = context.tenant_column(table), context.tenant_column(target)
        if mine and theirs and (mine.number, theirs.number) not in zip(key.columns, key.target_columns, strict=True):
            columns = ", ".join(table.column_names(key.columns))
            targets = ", ".join(target.column_names(key.target_columns))
            yield Problem(
                f"constraint {key.name} on {table.label}",
                f"({columns}) refers to {target.full_name} ({targets}) without {mine.name}",
                f"foreign key ({mine.name}, {columns}) references {target.full_name} ({theirs.name}, {targets})",
                table.label,
            )


@rule(
    "foreign-key-clears-tenant",
    "error",
    "A foreign key whose ON DELETE clears the tenant column",
    why="ON DELETE SET NULL clears all columns of the key unless it names some: the delete fails, or the row"
    " loses its tenant.",
    fix="Name the column: on delete set null (page_id).",
)
def foreign_key_clears_tenant(context: Context) -> Iterator[Problem]:
    for table, key, _ in _foreign_keys(context):
        tenant = context.tenant_column(table)
        if tenant and key.on_delete in ("n", "d") and tenant.number in (key.cleared or key.columns):
            rest = [name for name in table.column_names(key.columns) if name != tenant.name]
            yield Problem(
                f"constraint {key.name} on {table.label}",
                f"deleting the referenced row clears {tenant.name}",
                f"on delete set {'null' if key.on_delete == 'n' else 'default'} ({', '.join(rest)})",
                table.label,
            )


def _foreign_keys(context: Context) -> Iterator[tuple[Relation, Key, Relation]]:
    for table in context.tables:
        for key in table.keys:
            target = context.catalog.relations.get(key.target)
            if key.type == "f" and target is not None:
                yield table, key, target


@rule(
    "unique-key-without-tenant",
    "warning",
    "A unique key of a tenant's table that leaves out the tenant",
    why="A unique key holds across tenants, whatever the policies say. A duplicate of a"
    " hidden row is an error too, so callers find out which values other tenants have, and can take values from them.",
    fix="Begin the key with the tenant column. Columns of the type uuid are exempt: their values are too many"
    " to guess.",
)
def unique_key_without_tenant(context: Context) -> Iterator[Problem]:
    for table in context.tables:
        tenant = context.tenant_column(table)
        if tenant is None or table.parents:
            continue
        for index in table.indexes:
            if index.unique and tenant.number not in index.columns and _is_oracle(context, table, index):
                columns = ", ".join(table.column_names(index.columns))
                yield Problem(
                    f"index {index.name}",
                    f"({columns}) is unique across tenants, and callers can write it",
                    f"a unique key ({tenant.name}, {columns})",
                    table.label,
                )


def _is_oracle(context: Context, table: Relation, index: Index) -> bool:
    """Whether callers can write a value that they can guess."""
    guessable = [column for column in table.columns if column.number in index.columns and column.type != "uuid"]
    if 0 in index.columns:
        return any(context.rights(table, role) & {"INSERT", "UPDATE", "OWNER"} for role in context.callers)
    return any(
        context.column_right(table, column, right, role)
        for column in guessable
        if not column.generated
        for role in context.callers
        for right in ("INSERT", "UPDATE")
    )
