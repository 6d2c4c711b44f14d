"""The rule about policies that read their own table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from org_common.tools.lint.callers import called
from org_common.tools.lint.catalog import Policy, Relation, Role
from org_common.tools.lint.context import Context
from org_common.tools.lint.expressions import relations
from org_common.tools.lint.finding import Problem, rule
from org_common.tools.lint.nodes import Node, walk
from org_common.tools.lint.rules.policies import label


class _Read(NamedTuple):
    table: int
    role: Role
    in_function: bool
    """Whether a function reads it. PostgreSQL plans its queries apart, when it runs."""


class _State(NamedTuple):
    table: int
    role: int
    command: str


@rule(
    "policy-recursive",
    "error",
    "A policy that reads its own table",
    why="Reading the table applies the policy, which reads the table: each query fails with 42P17 (infinite recursion),"
    " or ends at the stack's limit if a function is in between.",
    fix="Read memberships in a SECURITY DEFINER function whose owner has a policy of its own.",
)
def policy_recursive(context: Context) -> Iterator[Problem]:
    for table, policy in context.policies:
        cycle = _cycle_of(context, table, policy)
        if cycle is not None:
            yield Problem(
                label(table, policy),
                f"reading it applies itself: {' -> '.join(cycle)}",
                "read the memberships in a security definer function of a role that has its own policy",
                table.label,
            )


def _cycle_of(context: Context, table: Relation, policy: Policy) -> list[str] | None:
    for role in context.requests:
        if context.applies(policy, role):
            search = _Search(context, table.oid)
            path = search.follow(_State(table.oid, role.oid, policy.command), _reads(context, policy, role), (), ())
            if path is not None:
                return [context.catalog.relations[oid].full_name for oid in path]
    return None


class _Search:
    """Follows reads from a policy until they come back to its table."""

    def __init__(self, context: Context, start: int) -> None:
        self._context = context
        self._start = start
        self._seen: set[tuple[_State, tuple[int, ...]]] = set()

    def follow(
        self, state: _State, reads: list[_Read], states: tuple[_State, ...], query: tuple[int, ...]
    ) -> tuple[int, ...] | None:
        """The tables of a cycle through the start. `query` are those whose policies the current query applies."""
        if (state, query) in self._seen:
            return None
        self._seen.add((state, query))
        for read in reads:
            # A query fails as soon as it applies policies with subqueries of one table twice, whatever they read.
            inside = () if read.in_function else (*query, state.table)
            after = _State(read.table, read.role.oid, "select")
            further = self._reads_of(after, read.role)
            if read.table in inside or after in (*states, state):
                again = self._has_subqueries(after, read.role) if read.table in inside else bool(further)
                if again and read.table == self._start:
                    return (*(each.table for each in (*states, state)), read.table)
                continue  # a cycle of other tables, which is reported on them
            found = self.follow(after, further, (*states, state), inside)
            if found is not None:
                return found
        return None

    def _reads_of(self, state: _State, role: Role) -> list[_Read]:
        return [read for policy in self._policies(state, role) for read in _reads(self._context, policy, role)]

    def _has_subqueries(self, state: _State, role: Role) -> bool:
        conditions = (policy.using for policy in self._policies(state, role) if policy.using is not None)
        return any(node.tag == "SUBLINK" for condition in conditions for node, _ in walk(condition))

    def _policies(self, state: _State, role: Role) -> list[Policy]:
        policies = self._context.catalog.relations[state.table].policies
        return [each for each in policies if each.applies("select") and self._context.applies(each, role)]


def _reads(context: Context, policy: Policy, role: Role) -> list[_Read]:
    """The tables that a policy reads under row-level security, itself and through views and functions."""
    nodes = [node for node in (policy.using, policy.check) if node is not None]
    found = [read for node in nodes for read in _reads_in(context, node, role)]
    return [read for read in found if _is_subject(context, context.catalog.relations[read.table], read.role)]


def _reads_in(context: Context, node: Node, role: Role) -> Iterator[_Read]:
    yield from (
        _Read(table, each, in_function=False) for oid in relations(node) for table, each in _tables(context, oid, role)
    )
    seen: set[tuple[int, int]] = set()
    calls = [(oid, role) for oid in called(node)]
    while calls:
        oid, reader = calls.pop()
        function = context.catalog.functions.get(oid)
        if function is None or not function.own or (oid, reader.oid) in seen:
            continue
        seen.add((oid, reader.oid))
        # What a definer reads and calls, it does as its owner.
        reader = context.catalog.roles[function.owner] if function.definer else reader
        for relation in context.relations_of(function):
            yield from (_Read(table, who, in_function=True) for table, who in _tables(context, relation, reader))
        calls += [(each, reader) for each in context.readers.calls(oid)]


def _tables(context: Context, oid: int, role: Role) -> Iterator[tuple[int, Role]]:
    """The tables behind a relation, each with the role that a query of the relation reads it as."""
    relation = context.catalog.relations.get(oid)
    if relation is None:
        return
    if relation.kind != "v":
        yield oid, role
        return
    reader = role if relation.invoker else context.catalog.roles[relation.owner]
    for each in relation.reads:
        yield from _tables(context, each, reader)


def _is_subject(context: Context, table: Relation, role: Role) -> bool:
    """Whether row-level security of the table applies to the role."""
    owns = table.owner in context.inherited(role)
    return table.is_table and table.secured and not role.superuser and not role.bypasses and (table.forced or not owns)
