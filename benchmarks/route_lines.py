"""The lines of three routes in the modules and in `stacks/org_routes`: their handlers, and all that these use."""

import ast
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import line_kinds

STACKS = Path(__file__).parent / "stacks"
PEERS = {"FastAPI + SQLAlchemy": "with_fastapi", "Powertools + psycopg": "with_powertools"}
# Of a peer: the kind of all lines in a file of this name, which every route of a project shares.
FILES = {
    "authorization.py": "authorization",
    "database.py": "SQL calls",
    "paging.py": "parsing",
    "problems.py": "error handling",
}


@dataclass
class Lines:
    """The lines of some routes."""

    kinds: Counter[str] = field(default_factory=Counter)
    shared: int = 0
    """Those among them in files of plumbing, which all routes of a project share."""
    routes: int = 0
    """The number of handlers."""


class File:
    """A file of Python: what it defines, and what it imports."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = path.read_text()
        self.tree = ast.parse(self.text)
        self.code = line_kinds.code_lines(self.text, self.tree)
        self.defined = {name: each for each in self.tree.body for name in line_kinds.targets(each)}
        self.imported = {
            alias.asname or alias.name: (node.module or "", alias.name)
            for node in self.tree.body
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }


class Closure:
    """The top-level statements that some statements need, within the files of a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files: dict[Path, File] = {}
        self._kinds: dict[tuple[Path, ast.stmt], str | None] = {}
        """The kind of each statement, where that is the kind of a file; None where its syntax decides."""

    def file(self, path: Path) -> File:
        if path not in self._files:
            self._files[path] = File(path)
        return self._files[path]

    def add(self, file: File, statement: ast.stmt, kind: str | None = None) -> None:
        """Add a statement and all that it uses. `kind` is that of the file that uses it, None if its syntax decides."""
        kind = FILES.get(file.path.name, kind)
        key = (file.path, statement)
        if key in self._kinds and (self._kinds[key] is None or kind is not None):
            return
        self._kinds[key] = kind
        for node in ast.walk(statement):
            if isinstance(node, ast.Name):
                self._use(file, node.id, kind)
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                module = self._module(*file.imported.get(node.value.id, ("", "")))
                if module is not None:
                    self._use(module, node.attr, kind)

    def _use(self, file: File, name: str, kind: str | None) -> None:
        if name in file.defined:
            self.add(file, file.defined[name], kind)
        elif name in file.imported:
            module, imported = file.imported[name]
            source = self._root.joinpath(*module.split(".")).with_suffix(".py")
            if source.is_file():
                self._use(self.file(source), imported, kind)

    def _module(self, package: str, name: str) -> File | None:
        path = self._root.joinpath(*package.split("."), f"{name}.py") if name else None
        return self.file(path) if path is not None and path.is_file() else None

    def lines(self) -> Lines:
        trees = [file.tree for file in self._files.values()]
        rules, handles = line_kinds.rules_of(trees), line_kinds.handles_of(trees)
        found = Lines()
        for path, file in self._files.items():
            by_syntax = line_kinds.classify(file.tree, rules=rules, handles=handles)
            for (where, statement), kind in self._kinds.items():
                if where != path:
                    continue
                span = range(line_kinds.first_line(statement), (statement.end_lineno or statement.lineno) + 1)
                code = file.code.intersection(span)
                found.kinds += Counter(kind or by_syntax.get(line, "logic") for line in code)
                found.shared += len(code) if kind else 0
            found.routes += sum((path, each) in self._kinds for each in line_kinds.handlers(file.tree))
        return found


def of_peer(folder: str) -> Lines:
    """The lines of a peer's routes: all of its `app.py`, and what that uses."""
    closure = Closure(STACKS)
    app = closure.file(app_file(folder))
    for statement in app.tree.body:
        closure.add(app, statement)
    return closure.lines()


def of_modules(source: Path) -> Lines:
    """The lines of the handlers of `cora_modules` that have the names of the peers' handlers, and what these use."""
    wanted = {each.name for each in line_kinds.handlers(File(app_file(next(iter(PEERS.values())))).tree)}
    closure = Closure(source)
    for path in sorted((source / "cora_modules").glob("*/*.py")):
        for handler in line_kinds.handlers(ast.parse(path.read_text())):
            if handler.name in wanted:
                file = closure.file(path)
                closure.add(file, file.defined[handler.name])
    return closure.lines()


def app_file(folder: str) -> Path:
    return STACKS / "org_routes" / folder / "app.py"


def table(source: Path) -> str:
    """The lines of each kind, of the modules and of each peer.

    "per route" is plumbing without the shared lines.
    """
    measured = {"org-common": of_modules(source)} | {name: of_peer(folder) for name, folder in PEERS.items()}
    kinds = (*line_kinds.PLUMBING, "logic")
    heads = "".join(f"{head:>11}" for head in ("all", "plumbing", "shared", "per route"))
    rows = [f"{'three routes':22}" + "".join(f"{kind:>16}" for kind in kinds) + heads]
    for name, each in measured.items():
        lines, plumbing = each.kinds.total(), sum(each.kinds[kind] for kind in line_kinds.PLUMBING)
        counts = "".join(f"{each.kinds[kind]:>16}" for kind in kinds)
        per_route = (plumbing - each.shared) / each.routes
        rows.append(f"{name:22}{counts}{lines:>11}{plumbing / lines:>11.1%}{each.shared:>11}{per_route:>11.1f}")
    return "\n".join(rows)
