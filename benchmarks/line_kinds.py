"""The kind of each line of Python: routing, authorization, parsing, SQL calls and error handling, or else logic.

It follows from the syntax. `anatomy.py` says what has which kind.
"""

import ast
import re
from collections.abc import Iterable, Iterator

PLUMBING = ("routing", "authorization", "parsing", "SQL calls", "error handling")
METHODS = {"get", "post", "put", "patch", "delete", "sqs", "schedule", "s3", "event"}
APPS = {"App", "Router", "authorizer", "FastAPI", "Mangum", "APIGatewayHttpResolver"}
RULES = frozenset({"Check", "Ladder", "OrgCheck", "SysCheck"})
HANDLES = frozenset({"Reader", "Transaction", "Session"})
ROLE = re.compile(r"\b(?:sys|org|ws)_(?:user|admin|owner)\b")
Function = ast.FunctionDef | ast.AsyncFunctionDef


def rules_of(trees: Iterable[ast.Module]) -> frozenset[str]:
    """The names of access rules: those of the SDK, and the ladders that these files declare."""
    ladders = (each for tree in trees for each in tree.body if called(each) == "Ladder")
    return RULES | {name for each in ladders for name in targets(each)}


def handles_of(trees: Iterable[ast.Module]) -> frozenset[str]:
    """The names of annotations that inject a transaction: those of the libraries, and aliases in these files."""
    aliases = (
        each
        for tree in trees
        for each in tree.body
        if isinstance(each, ast.Assign) and isinstance(each.value, ast.Subscript) and names(each.value) & HANDLES
    )
    return HANDLES | {name for each in aliases for name in targets(each)}


def classify(tree: ast.Module, *, rules: frozenset[str] = RULES, handles: frozenset[str] = HANDLES) -> dict[int, str]:
    """The kind of each line that is not logic."""
    kinds: dict[int, str] = {}
    for statement in tree.body:
        name = called(statement)
        if name in rules:
            mark(kinds, statement, "authorization")
        elif name in APPS or (name and isinstance(statement, ast.Expr)) or is_entry_point(statement):
            mark(kinds, statement, "routing")
    for handler in handlers(tree):
        kinds |= dict.fromkeys(range(first_line(handler), handler.lineno), "routing")
        kinds |= dict.fromkeys(range(handler.lineno, handler.body[0].lineno), "parsing")
        named = {each.arg for each in handler.args.args if names(each.annotation) & handles}
        for node in ast.walk(handler):
            if isinstance(node, ast.withitem):
                named |= names(node.optional_vars)
        mark_calls(kinds, handler.body, named)
    mark_errors(kinds, tree)
    return kinds


def mark_calls(kinds: dict[int, str], body: list[ast.stmt], named: set[str]) -> None:
    """Mark the statements that call one of these transactions; of a compound statement its head, and then its body."""
    for statement in body:
        if isinstance(statement, ast.With | ast.If | ast.For):
            heads = [each for each in ast.iter_child_nodes(statement) if not isinstance(each, ast.stmt)]
            if any(names(each) & named for each in heads):
                kinds |= dict.fromkeys(range(statement.lineno, statement.body[0].lineno), "SQL calls")
            mark_calls(kinds, statement.body, named)
            mark_calls(kinds, getattr(statement, "orelse", []), named)
        elif names(statement) & named:
            mark(kinds, statement, "SQL calls")


def mark_errors(kinds: dict[int, str], tree: ast.Module) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise):
            mark(kinds, node, "error handling")
        elif isinstance(node, ast.Try):
            outer = {node.lineno, *[each.lineno for each in node.handlers]}
            kinds |= dict.fromkeys(outer, "error handling")
            parts: list[ast.stmt | ast.excepthandler] = [*node.handlers, *node.orelse, *node.finalbody]
            for each in parts:
                mark(kinds, each, "error handling")
        elif isinstance(node, ast.With) and any("error" in ast.unparse(each) for each in node.items):
            kinds[node.lineno] = "error handling"


def mark(kinds: dict[int, str], node: ast.stmt | ast.excepthandler, kind: str) -> None:
    kinds |= dict.fromkeys(range(node.lineno, (node.end_lineno or node.lineno) + 1), kind)


def called(statement: ast.stmt) -> str | None:
    """The name of the function that a statement of the file calls: `app = App("x")`, `app.include(router)`."""
    value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign | ast.Expr) else None
    while isinstance(value, ast.BinOp):
        value = value.left
    if not isinstance(value, ast.Call):
        return None
    return value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", None)


def handlers(tree: ast.Module) -> Iterator[Function]:
    for node in tree.body:
        if isinstance(node, Function) and any(
            isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr in METHODS
            for each in node.decorator_list
        ):
            yield node


def is_entry_point(statement: ast.stmt) -> bool:
    """A function of event and context, which Lambda calls."""
    return isinstance(statement, Function) and [each.arg for each in statement.args.args] == ["event", "context"]


def first_line(statement: ast.stmt) -> int:
    """The first line of a statement, with its decorators."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *[each.lineno for each in decorators]])


def targets(statement: ast.stmt) -> set[str]:
    """The names that a statement of a file defines."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.AnnAssign):
        return names(statement.target)
    return {name for each in statement.targets for name in names(each)} if isinstance(statement, ast.Assign) else set()


def names(node: ast.AST | None) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)} if node else set()


def body_lines(handler: Function) -> int:
    body = handler.body[ast.get_docstring(handler) is not None :]
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def code_lines(text: str, tree: ast.Module) -> set[int]:
    """The lines with code, without imports, comments and strings that document."""
    lines = {at for at, line in enumerate(text.splitlines(), 1) if line.strip() and not line.strip().startswith("#")}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        ):
            lines -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


def role_lines(tree: ast.Module, rules: frozenset[str]) -> Iterator[int]:
    """The lines that name a role in a string outside of a rule, of the roles of a ladder, and of what documents."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", None) in rules]
    ladders = {name for call in calls for each in call.keywords if each.arg == "roles" for name in names(each.value)}
    documents = [node for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)]
    declared = [each for each in tree.body if targets(each) & ladders]
    allowed = {id(each) for node in (*calls, *documents, *declared) for each in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in allowed and ROLE.search(str(node.value)):
            yield node.lineno
