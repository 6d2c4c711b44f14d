"""EXPLAIN for a statement of a captured request: its plan, without values, and the policies that apply to it."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from org_common.db.protocol.errors import StatementFailed
from org_common.telemetry.causes import message_of
from org_common.telemetry.secret_values import MASK
from org_common.tools.project.project import ToolError
from org_common.tools.serve.console.policies import SecuredTable, read_policies
from org_common.tools.serve.console.transaction import CapturedStatement, connected, send

# Planned only: without ANALYZE, the server does not execute the statement.
_EXPLAIN = b"explain (format json, verbose) "
# What a node does with rows. Output lists are long and say little.
_DETAILS = ("Cond", "Filter", "Key", "Function Call", "Order By", "Subplan Name", "CTE Name")
# A literal of a condition may be a parameter, or was computed from one.
_LITERAL = re.compile(
    r"""\b(?:InitPlan|SubPlan)\ \d+ | (?:\b[EBX])?'(?:[^']|'')*' | "(?:[^"]|"")*"
    | (?<![\w$.])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?!\w) | \b(?:true|false)\b""",
    re.VERBOSE,
)
_KEPT = ('"', "InitPlan", "SubPlan")
_NEVER = "One-Time Filter: false"


@dataclass(frozen=True)
class PlanNode:
    """One line of a plan."""

    depth: int
    """The root has 0."""
    what: str
    """What the node does, and with which table and index."""
    cost: float
    """The estimated total cost, in the planner's unit."""
    rows: int
    """The estimated number of rows."""
    details: list[str]
    """Its conditions, with a mask for each literal."""


@dataclass(frozen=True)
class Explanation:
    """How the server would run a statement for its caller."""

    role: str
    nodes: list[PlanNode]
    """From the root down, each followed by its children."""
    tables: list[SecuredTable]
    """The tables that the plan reads or changes."""


def explain(statement: CapturedStatement, urls: Mapping[str, str]) -> Explanation:
    """The plan of the statement with the role and the claims of its request. `ToolError` for one without a plan.

    `urls` are those of `connected`. The parameters stay here: conditions have a mask in place of each literal.
    """
    command, values, types, formats = statement.wire
    with connected(urls, statement.role) as conn:
        try:
            result = send(conn, [*statement.setup(), (_EXPLAIN + command, values, types, formats)])[-1]
        except StatementFailed as error:
            raise ToolError(f"the server cannot explain the statement: {message_of(error)}") from error
        [plan] = json.loads(result.get_value(0, 0) or b"[{}]")
        nodes = list(_walk(plan["Plan"], 0))
        tables = read_policies(conn, statement.role, _tables(node for _, node in nodes))
    return Explanation(statement.role, [_node(depth, node) for depth, node in nodes], tables)


def masked(condition: str) -> str:
    """A condition of a plan without its literals. Quoted identifiers and the numbers of subplans stay."""
    return _LITERAL.sub(lambda found: found[0] if found[0].startswith(_KEPT) else MASK, condition)


def _walk(node: Mapping[str, Any], depth: int) -> Iterator[tuple[int, Mapping[str, Any]]]:
    yield depth, node
    for child in node.get("Plans", ()):
        yield from _walk(child, depth + 1)


def _node(depth: int, node: Mapping[str, Any]) -> PlanNode:
    what = str(node.get("Operation", node["Node Type"]))
    if "Index Name" in node:
        what += f" using {node['Index Name']}"
    if "Relation Name" in node:
        what += f" on {_name(node)}"
        alias = node.get("Alias")
        what += f" {alias}" if alias and alias != node["Relation Name"] else ""
    elif "Function Name" in node:
        what += f" on {node['Function Name']}"
    return PlanNode(depth, what, float(node["Total Cost"]), int(node["Plan Rows"]), _details(node))


def _details(node: Mapping[str, Any]) -> list[str]:
    lines = []
    for key, value in node.items():
        if key.endswith(_DETAILS):
            line = f"{key}: {', '.join(value) if isinstance(value, list) else value}"
            lines.append(line if line == _NEVER else masked(line))
    return lines


def _name(node: Mapping[str, Any]) -> str:
    return f"{node.get('Schema', 'public')}.{node['Relation Name']}"


def _tables(nodes: Iterator[Mapping[str, Any]]) -> dict[str, set[str]]:
    """The commands of the plan by table."""
    tables: dict[str, set[str]] = defaultdict(set)
    for node in nodes:
        if "Relation Name" not in node:
            continue
        operation = str(node.get("Operation", "Select")).lower()
        # An update or delete finds its rows with the policies for select, too.
        tables[_name(node)] |= {operation} if operation in ("select", "insert") else {operation, "select"}
    return dict(tables)
