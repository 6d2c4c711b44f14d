"""What to do about an error of PostgreSQL, for a developer: the line below the SQL in `org-common dev` and pytest."""

from __future__ import annotations

import re
from collections.abc import Callable

from org_common.telemetry import causes

TYPE_CHECKING = False

if TYPE_CHECKING:
    # Importing it loads psycopg, which tests of an app without a database never need.
    from org_common.db.protocol.errors import StatementFailed

RULE = "select app.require("
_GRANTEE = "authenticated (anon on PUBLIC routes, app_sys on sys routes)"
_MIGRATION = "if a pending migration creates it, apply that one (`org-common db status` lists them)"
_LOOKUPS = ("find_user", "find_sys_role", "find_org_role", "find_ws_role")
_AUDITED = ("created_at", "created_by", "updated_at", "updated_by")
_DENIED = re.compile(r"permission denied for (?P<kind>[a-z ]+?) (?P<name>\S+)$")
_MISSING = re.compile(r'(?:relation|function|type|schema) "?(?P<name>[^"(\s]+).* does not exist')
_NAMED = re.compile(r"%\(\w+\)s")


def install() -> None:
    """Show advice below errors of PostgreSQL, in text log lines and in pytest."""
    causes.advise = advise


def advise(failed: StatementFailed) -> str:
    """What to do, in one line; empty if the SQLSTATE has many reasons."""
    find = _ADVICE.get(failed.sqlstate)
    sql = _sql(failed)
    advice = "" if find is None else find(failed, sql)
    if not sql.startswith(RULE):
        return advice
    return "; ".join(filter(None, ("this SQL is the access rule of the route, `allow=`", advice)))


def _denied(failed: StatementFailed, sql: str) -> str:
    if "row-level security policy" in failed.message:
        return _violated(failed, sql)
    found = _DENIED.search(failed.message)
    if found is None:
        return ""
    kind, name = found["kind"], _qualified(found["name"], sql)
    if kind == "schema":
        return f"grant usage on schema {name} to {_GRANTEE}"
    if kind in ("function", "procedure"):
        return f"grant execute on function {name} to {_GRANTEE}"
    if kind == "sequence":
        return f"make the column `generated always as identity`, or grant usage on sequence {name} to {_GRANTEE}"
    verb = _verb(sql, name)
    more = ". WHERE and RETURNING need select as well" if verb != "select" else ""
    return f"grant {verb} on {name} to {_GRANTEE}. A grant on columns must name each one that the statement uses{more}"


def _violated(failed: StatementFailed, sql: str) -> str:
    found = re.search('table "([^"]+)"', failed.message)
    table = _qualified(found[1], sql) if found else "the table"
    verb = _verb(sql, table)
    advice = (
        f"a policy for {verb} on {table} must accept the new row: create policy ... for {verb} to {_GRANTEE} "
        "with check (...)"
    )
    if re.search(r"\breturning\b", sql, re.IGNORECASE):
        advice += ". With RETURNING the row must pass a policy for select as well: one may be missing"
    elif re.search(r"\bon\s+conflict\b", sql, re.IGNORECASE):
        advice += ". With ON CONFLICT it must pass the policies for select and update as well"
    return advice


def _unknown_relation(failed: StatementFailed, sql: str) -> str:
    found = _MISSING.match(failed.message)
    if found is None:
        return ""
    name = found["name"]
    if failed.sqlstate != "3F000" and "." not in name:
        return f"write its schema, as in shop.{name}: the search path is empty"
    return f"correct the name, or {_MIGRATION}"


def _unknown_column(failed: StatementFailed, sql: str) -> str:
    return f"correct the name, or {_MIGRATION}"


def _unknown_function(failed: StatementFailed, sql: str) -> str:
    if failed.message.startswith("operator"):
        return "cast one side, as in %(size)s::int"
    found = _MISSING.match(failed.message)
    if found is None:
        return ""
    name = found["name"]
    if name.startswith("app.") and name[4:] in _LOOKUPS:
        return f"create the function {name} in a migration, as in the tutorial: access rules call it"
    if "." not in name:
        return (
            f"write its schema, as in shop.{name}(): the search path is empty. For a built-in function, cast the "
            "arguments to its types"
        )
    return f"correct the name, cast the arguments to their types, or {_MIGRATION}"


def _syntax(failed: StatementFailed, sql: str) -> str:
    at = (failed.origin.position if failed.origin else None) or 0
    found = re.match(r":(\w+)", sql[at - 1 :]) if at else None
    if found:
        return f"name parameters like %({found[1]})s instead of :{found[1]}"
    if not failed.message.startswith("syntax error"):
        return ""
    return 'correct the SQL at the caret; quote a name that is a word of SQL, as in "order"'


def _untyped(failed: StatementFailed, sql: str) -> str:
    found = re.search(r"\$(\d+)", failed.message)
    shown = failed.origin.named(found[0]) if found and failed.origin else ""
    name = shown if _NAMED.fullmatch(shown) else "%(name)s"
    return f"cast the parameter to its type, as in {name}::text"


def _ambiguous(failed: StatementFailed, sql: str) -> str:
    return "cast each parameter to its type, as in %(name)s::text" if "unknown" in failed.message else ""


def _recursion(failed: StatementFailed, sql: str) -> str:
    if "infinite recursion" not in failed.message:
        return ""
    return (
        "a policy must not select from its own table: move that query into a `security definer` function, and call the "
        "function in the policy"
    )


def _read_only(failed: StatementFailed, sql: str) -> str:
    return "a Reader cannot write: take `tx: Transaction` in a POST, PUT, PATCH or DELETE route"


def _null(failed: StatementFailed, sql: str) -> str:
    if failed.column in _AUDITED:
        return (
            f"a trigger fills {failed.column}: create trigger audit before insert or update on {failed.table} "
            "for each row execute function app.audit()"
        )
    return f"write {failed.column}, or give it a default in a migration"


def _checked(failed: StatementFailed, sql: str) -> str:
    if not sql.startswith(RULE):
        return ""
    return 'correct the role; OrgCheck("org_user") and SysCheck("sys_user") refuse an unknown one at import'


_ADVICE: dict[str, Callable[[StatementFailed, str], str]] = {
    "23502": _null,
    "23514": _checked,
    "25006": _read_only,
    "3F000": _unknown_relation,
    "42501": _denied,
    "42601": _syntax,
    "42703": _unknown_column,
    "42704": _unknown_relation,
    "42725": _ambiguous,
    "42804": _ambiguous,
    "42883": _unknown_function,
    "42P01": _unknown_relation,
    "42P08": _untyped,
    "42P17": _recursion,
    "42P18": _untyped,
}


def _sql(failed: StatementFailed) -> str:
    command = failed.origin.command if failed.origin else None
    return (command or b"").decode(errors="replace")


def _qualified(name: str, sql: str) -> str:
    """The name with its schema, as the statement has it: PostgreSQL leaves the schema out."""
    found = re.search(rf"\w+\.{re.escape(name)}\b(?!\.)", sql)
    return found[0] if found else name


def _verb(sql: str, table: str) -> str:
    """What the statement does with the table: "insert", "update", "delete" or "select"."""
    verbs = r"\b(insert\s+into|update|delete\s+from)\s+(?:only\s+)?"
    target = re.search(verbs + re.escape(table) + r"\b", sql, re.IGNORECASE)
    return target[1].split()[0].lower() if target else "select"
