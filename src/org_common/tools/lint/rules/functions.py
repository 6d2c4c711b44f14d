"""Rules about functions that run with their owner's rights."""

from __future__ import annotations

import re
from collections.abc import Iterator

from org_common.tools.lint.callers import code, compares_current_user
from org_common.tools.lint.catalog import PUBLIC, Function
from org_common.tools.lint.context import Context
from org_common.tools.lint.finding import Problem, rule
from org_common.tools.lint.rules.tables import names

# Names of parameters that say who calls.
_CALLER = re.compile(
    r"_?(?:p_|in_|v_|_)?(?:user_?(?:id|uuid)|uid|caller(?:_id)?|current_user(?:_id)?|actor(?:_id)?|profile_id|auth_id"
    r"|member_id|owner_id|person_id|requester(?:_id)?)",
    re.IGNORECASE,
)
_EXECUTE = re.compile(
    r"\bexecute\s+(?!function\b|procedure\b)(.*?)(?:;|\binto\b|\busing\b|\bloop\b|\Z)", re.IGNORECASE | re.DOTALL
)
_QUOTED = re.compile(r"\bquote_(?:ident|literal|nullable)\s*\([^()]*\)", re.IGNORECASE)


def _definers(context: Context) -> Iterator[Function]:
    return (function for function in context.functions if function.definer)


def _of_tenants(context: Context) -> Iterator[tuple[Function, str]]:
    """The definers that tenants can call, each with the names of the roles."""
    for function in _definers(context):
        roles = [role for role in context.executors(function) if role in context.callers]
        if roles and not function.is_trigger:
            yield function, names(roles)


@rule(
    "definer-search-path",
    "error",
    "A SECURITY DEFINER function that looks up names where its caller says",
    why="A caller who can create a table or a function, a temporary one too, in a schema that comes first makes the"
    " function use it, with the rights of the function's owner.",
    fix="Set an empty search_path and qualify names, or end it with pg_temp. Bodies in SQL-standard form are exempt.",
    splinter=("0011",),
)
def definer_search_path(context: Context) -> Iterator[Problem]:
    for function in _definers(context):
        path = function.search_path
        schemas = [schema.strip().strip('"') for schema in (path or "").split(",")]
        if function.body is None and (path is None or (any(schemas) and schemas[-1] != "pg_temp")):
            found = "has no search_path" if path is None else f"has the search_path {path}, without pg_temp at its end"
            yield Problem(
                function.label,
                f"it runs with the rights of {context.role_name(function.owner)} and {found}",
                f"alter {function.label} set search_path = ''",
            )


@rule(
    "definer-public",
    "error",
    "A SECURITY DEFINER function that every role may execute",
    why="PostgreSQL grants EXECUTE to PUBLIC when a function is created: anonymous callers can run it with the rights"
    " of its owner.",
    fix="Revoke it from public and grant it to the roles that need it. Or once, for all functions to come:"
    " alter default privileges revoke execute on functions from public (`in schema` would make it useless).",
    splinter=("0028", "0029"),
)
def definer_public(context: Context) -> Iterator[Problem]:
    for function in _definers(context):
        public = any(grant.grantee == PUBLIC and grant.privilege == "EXECUTE" for grant in function.grants)
        if public and not function.is_trigger and context.executors(function):
            yield Problem(
                function.label,
                f"every role may run it with the rights of {context.role_name(function.owner)}",
                f"revoke execute on {function.label} from public",
            )


@rule(
    "definer-takes-caller",
    "error",
    "A SECURITY DEFINER function that takes the caller as a parameter",
    why="The caller passes any user's id, and gets what that user may see or change.",
    fix="Take the caller from the claims inside of the function.",
)
def definer_takes_caller(context: Context) -> Iterator[Problem]:
    for function, roles in _of_tenants(context):
        named = [name for name in function.parameters if _CALLER.fullmatch(name)]
        if named and not context.readers.reads_caller(function.oid):
            yield Problem(
                function.label,
                f"{roles} can pass any {named[0]}, and it never looks at who calls",
                f"compare {named[0]} with the caller's id, or remove the parameter",
            )


@rule(
    "definer-ignores-caller",
    "error",
    "A SECURITY DEFINER function on protected tables that ignores its caller",
    why="It bypasses the policies of the tables and lacks a check of its own: every caller gets the same rows.",
    fix="Check the caller's membership first, or make the function SECURITY INVOKER.",
)
def definer_ignores_caller(context: Context) -> Iterator[Problem]:
    for function, roles in _of_tenants(context):
        if context.readers.reads_caller(function.oid) or any(map(_CALLER.fullmatch, function.parameters)):
            continue
        closure = [context.catalog.functions[oid] for oid in context.readers.closure(function.oid)]
        used = {oid for each in closure if each.own for oid in context.relations_of(each)}
        secured = sorted(
            relation.full_name for oid in used if (relation := context.catalog.relations.get(oid)) and relation.secured
        )
        if secured:
            yield Problem(
                function.label,
                f"{roles} can run it, it uses {', '.join(secured)}, and it never looks at who calls",
                "check the caller's membership in it, or make it security invoker",
            )


@rule(
    "definer-current-user",
    "error",
    "A SECURITY DEFINER function that takes its owner for the caller",
    why="While it runs, current_user is the function's owner: a comparison has the same result for every caller.",
    fix="Read the caller from the claims of the request, or make the function SECURITY INVOKER.",
)
def definer_current_user(context: Context) -> Iterator[Problem]:
    for function in _definers(context):
        if compares_current_user(function.body or function.source):
            yield Problem(
                function.label,
                f"current_user in it is {context.role_name(function.owner)}, for every caller",
                "read the caller's id from a setting of the request, such as the claims of its token",
            )


@rule(
    "definer-dynamic-sql",
    "error",
    "A SECURITY DEFINER function that runs SQL of its caller",
    why="A parameter becomes part of the statement, so the caller writes SQL that runs with the owner's rights.",
    fix="Pass values by USING, and names by format('%I').",
)
def definer_dynamic_sql(context: Context) -> Iterator[Problem]:
    for function, roles in _of_tenants(context):
        used = sorted(
            {name for statement in _EXECUTE.findall(code(function.source)) for name in _unsafe(function, statement)}
        )
        if used:
            yield Problem(
                function.label,
                f"{roles} can write SQL in {', '.join(used)}, which runs with the rights of"
                f" {context.role_name(function.owner)}",
                "execute … using …, or format('%I', …) for names",
            )


def _unsafe(function: Function, statement: str) -> Iterator[str]:
    """The parameters that a dynamic statement takes as they are."""
    rest = _QUOTED.sub(" ", statement)
    if re.match(r"\s*format\s*\(", rest, re.IGNORECASE) and "%s" not in rest and "||" not in rest:
        return
    for name in filter(None, function.parameters):
        if re.search(rf"\b{re.escape(name)}\b", re.sub(r"'[^']*'", " ", rest), re.IGNORECASE):
            yield name


@rule(
    "function-leakproof",
    "error",
    "A function of the project that is marked LEAKPROOF",
    why="PostgreSQL runs leakproof functions of a WHERE before the policies filter: one that prints or raises its"
    " argument shows the rows of all tenants.",
    fix="Leave the mark out.",
)
def function_leakproof(context: Context) -> Iterator[Problem]:
    for function in context.functions:
        if function.leakproof:
            yield Problem(
                function.label, "it sees rows before the policies do", f"alter {function.label} not leakproof"
            )
