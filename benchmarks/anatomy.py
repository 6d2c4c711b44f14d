"""The anatomy of the modules: how many of their lines are plumbing, and how long their handlers are.

    python benchmarks/anatomy.py             # src/cora_modules of this tree
    python benchmarks/anatomy.py PATH/TO/src # another one, to compare

Each line of code has one kind, which follows from its syntax; comments, docstrings and imports have none.

routing         apps, routers, `include`, and the decorators of handlers
authorization   assignments of access rules
parsing         the signatures of handlers: parameters are bound by their annotations
SQL calls       statements of a handler that call its Reader, Transaction, session or connection
error handling  try, except, raise, and `with` of a context manager that translates errors
logic           all other lines of Python: models, statements, and functions that handlers call
migrations      lines of SQL

"of Python" is the share of plumbing, which is all but the last two, in the lines of Python; "of all" counts migrations
too.

The second table has three routes with org-common, FastAPI and SQLAlchemy, and Powertools and psycopg: their handlers
and all that these use, without the libraries. In the peers, the files `authorization.py`, `database.py`, `paging.py`
and `problems.py` have one kind each. All routes of a project share them: "shared". "per route" is the plumbing without
them. `three_routes.py` checks that the three respond in the same way.
"""

import ast
import statistics
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import line_kinds
import route_lines
from line_kinds import PLUMBING

KINDS = (*PLUMBING, "logic", "migrations")


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
    source = Path(arguments[0] if arguments else Path(__file__).parents[1] / "src").resolve()
    root = source / "cora_modules"
    # Modules use each other's ladders.
    rules = line_kinds.rules_of(ast.parse(path.read_text()) for path in root.rglob("*.py"))
    folders = [folder for folder in sorted(root.iterdir()) if (folder / "__init__.py").exists()]
    modules = {folder.name: anatomy(folder, rules) for folder in folders}
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
    print(f"\n{route_lines.table(source)}")


def row(name: str, each: Anatomy) -> str:
    plumbing, lines, bodies = sum(each.lines[kind] for kind in PLUMBING), sum(each.lines.values()), each.bodies or [0]
    counts = "".join(f"{each.lines[kind]:>16}" for kind in KINDS)
    shares = "".join(f"{plumbing / max(base, 1):>11.1%}" for base in (lines - each.lines["migrations"], lines))
    return f"{name:8}{counts}{shares}{len(each.bodies):>11}{statistics.median(bodies):>11.0f}{max(bodies):>11}"


def anatomy(folder: Path, rules: frozenset[str]) -> Anatomy:
    found = Anatomy()
    texts = {path: path.read_text() for path in sorted(folder.rglob("*.py"))}
    trees = {path: ast.parse(text) for path, text in texts.items()}
    for path, tree in trees.items():
        kinds = line_kinds.classify(tree, rules=rules)
        code = line_kinds.code_lines(texts[path], tree)
        found.lines += Counter(kinds.get(line, "logic") for line in code)
        for handler in line_kinds.handlers(tree):
            found.bodies.append(line_kinds.body_lines(handler))
            found.tries += sum(isinstance(node, ast.Try) for node in ast.walk(handler))
        if path.parent.name not in ("models", "queries"):
            found.roles += [f"{folder.name}/{path.name}:{line}" for line in line_kinds.role_lines(tree, rules)]
    for path in sorted(folder.rglob("*.sql")):
        found.lines["migrations"] += sum(
            bool(line.strip()) and not line.strip().startswith("--") for line in path.open()
        )
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
