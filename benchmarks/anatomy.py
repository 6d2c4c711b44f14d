"""The anatomy of the modules: how many of their lines are plumbing, and how long their handlers are.

    python benchmarks/anatomy.py             # src/cora_modules of this tree
    python benchmarks/anatomy.py PATH/TO/src # another one, to compare

Each line of code has one kind, which follows from the syntax alone; comments, docstrings and imports have none.

routing         apps, routers, `include`, and the decorators of handlers
authorization   assignments of access rules
parsing         the signatures of handlers: parameters are bound by their annotations
SQL calls       statements of a handler that call its Reader or Transaction
error handling  try, except, raise, and `with` of a context manager that translates errors
logic           all other lines of Python: models, statements, and functions that handlers call
migrations      lines of SQL

"of Python" is the share of plumbing, which is all but the last two, in the lines of Python; "of all" counts migrations
too.
"""

import ast
import re
import statistics
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

PLUMBING = ("routing", "authorization", "parsing", "SQL calls", "error handling")
KINDS = (*PLUMBING, "logic", "migrations")
METHODS = {"get", "post", "put", "patch", "delete", "sqs", "schedule", "s3", "event"}
APPS = {"App", "Router", "authorizer"}
RULES = {"Check", "Ladder", "OrgCheck", "SysCheck", "WsCheck"}
HANDLES = {"Reader", "Transaction"}
ROLE = re.compile(r"\b(?:sys|org|ws)_(?:user|admin|owner)\b")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Anatomy:
    """What was counted in a module."""

    lines: Counter[str] = field(default_factory=Counter)
    bodies: list[int] = field(default_factory=list)
    """Lines of the bodies of its handlers, without docstrings."""
    tries: int = 0
    """`try` statements in handlers."""
    roles: list[str] = field(default_factory=list)
    """Where its Python names a role outside of rules, models and SQL."""


def main(arguments: list[str]) -> None:
    root = Path(arguments[0] if arguments else Path(__file__).parents[1] / "src").resolve() / "cora_modules"
    modules = {folder.name: anatomy(folder) for folder in sorted(root.iterdir()) if (folder / "__init__.py").exists()}
    total = Anatomy()
    for each in modules.values():
        total.lines += each.lines
        total.bodies += each.bodies
        total.tries += each.tries
        total.roles += each.roles
    heads = "".join(f"{head:>11}" for head in ("of Python", "of all", "handlers", "median", "max"))
    print(f"{'':8}" + "".join(f"{kind:>16}" for kind in KINDS) + heads)
    for name, each in {**modules, "all": total}.items():
        print(row(name, each))
    print(f"try in handlers {total.tries}, roles outside of rules {len(total.roles)} {' '.join(total.roles)}".rstrip())


def row(name: str, each: Anatomy) -> str:
    plumbing, lines, bodies = sum(each.lines[kind] for kind in PLUMBING), sum(each.lines.values()), each.bodies or [0]
    counts = "".join(f"{each.lines[kind]:>16}" for kind in KINDS)
    shares = "".join(f"{plumbing / max(base, 1):>11.1%}" for base in (lines - each.lines["migrations"], lines))
    return f"{name:8}{counts}{shares}{len(each.bodies):>11}{statistics.median(bodies):>11.0f}{max(bodies):>11}"


def anatomy(folder: Path) -> Anatomy:
    found = Anatomy()
    for path in sorted(folder.rglob("*.py")):
        text = path.read_text()
        tree = ast.parse(text)
        kinds = classify(tree)
        code = code_lines(text, tree)
        found.lines += Counter(kinds.get(line, "logic") for line in code)
        for handler in handlers(tree):
            found.bodies.append(body_lines(handler))
            found.tries += sum(isinstance(node, ast.Try) for node in ast.walk(handler))
        if path.parent.name not in ("models", "queries"):
            found.roles += [f"{folder.name}/{path.name}:{line}" for line in role_lines(tree)]
    for path in sorted(folder.rglob("*.sql")):
        found.lines["migrations"] += sum(
            bool(line.strip()) and not line.strip().startswith("--") for line in path.open()
        )
    return found


def classify(tree: ast.Module) -> dict[int, str]:
    """The kind of each line that is not logic."""
    kinds: dict[int, str] = {}
    for statement in tree.body:
        name = called(statement)
        if name in APPS or name == "include":
            mark(kinds, statement, "routing")
        elif name in RULES:
            mark(kinds, statement, "authorization")
    for handler in handlers(tree):
        first = min(each.lineno for each in handler.decorator_list)
        kinds |= dict.fromkeys(range(first, handler.lineno), "routing")
        kinds |= dict.fromkeys(range(handler.lineno, handler.body[0].lineno), "parsing")
        named = {each.arg for each in handler.args.args if names(each.annotation) & HANDLES}
        for statement in handler.body:
            if any(isinstance(node, ast.Name) and node.id in named for node in ast.walk(statement)):
                mark(kinds, statement, "SQL calls")
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise):
            mark(kinds, node, "error handling")
        elif isinstance(node, ast.Try):
            outer = {node.lineno, *[each.lineno for each in node.handlers]}
            kinds |= dict.fromkeys(outer, "error handling")
            for each in (*node.handlers, *node.orelse, *node.finalbody):
                mark(kinds, each, "error handling")
        elif isinstance(node, ast.With) and any("error" in ast.unparse(each) for each in node.items):
            kinds[node.lineno] = "error handling"
    return kinds


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


def names(annotation: ast.expr | None) -> set[str]:
    return {node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)} if annotation else set()


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


def role_lines(tree: ast.Module) -> Iterator[int]:
    """The lines that name a role in a string outside of a rule, and outside of what documents."""
    allowed: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) in RULES:
            allowed |= {id(each) for each in ast.walk(node)}
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            allowed.add(id(node.value))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in allowed and ROLE.search(str(node.value)):
            yield node.lineno


if __name__ == "__main__":
    main(sys.argv[1:])
