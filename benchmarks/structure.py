"""The structure of the package in figures, read from the imports of a source tree.

    python benchmarks/structure.py             # this tree
    python benchmarks/structure.py PATH/TO/src # another one, to compare

Imports for types and within functions count. A folder is a package; `__init__.py` files only hand names on, and are
left out. The longest chain is that of folders, each of which imports the next one.
"""

import ast
import statistics
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

PACKAGE = "org_common"
Graph = dict[str, set[str]]


def main(arguments: list[str]) -> None:
    root = Path(arguments[0] if arguments else Path(__file__).parents[1] / "src").resolve()
    files = import_graph(root)
    folders = by_folder(files)
    sizes = Counter(module.rpartition(".")[0] for module in files)
    bodies = sorted(body_lines(root))
    print(f"files                    {len(files)}")
    print(f"folders                  {len(folders)}")
    print(f"imports between folders  {sum(map(len, folders.values()))}")
    print(f"cycles of files          {len(cycles(files))}")
    print(f"cycles of folders        {len(cycles(folders))}")
    print(f"longest chain of folders {longest_chain(folders)}")
    print(f"files in {PACKAGE}/     {sizes[PACKAGE]}")
    largest, count = sizes.most_common(1)[0]
    print(f"files in any folder      at most {count} ({largest})")
    print(
        f"lines of function bodies median {statistics.median(bodies):.0f}, p95 {percentile(bodies)}, max {bodies[-1]}"
    )


def import_graph(root: Path) -> Graph:
    """Each module of the package with the modules that it imports."""
    paths = {module_name(root, path): path for path in sorted((root / PACKAGE).rglob("*.py"))}
    modules = {name: path for name, path in paths.items() if path.name != "__init__.py"}
    return {name: {target for target in imported(path, modules) if target != name} for name, path in modules.items()}


def module_name(root: Path, path: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path, modules: Mapping[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                target = f"{node.module}.{alias.name}"
                target = target if target in modules else node.module
                if target in modules:
                    yield target


def by_folder(files: Graph) -> Graph:
    """Folders as nodes; a file directly in the package is one of its own, as in `org_common.route`."""

    def folder(module: str) -> str:
        parent = module.rpartition(".")[0]
        return module if parent == PACKAGE else parent

    graph: Graph = {folder(module): set() for module in files}
    for module, targets in files.items():
        graph[folder(module)] |= {folder(target) for target in targets} - {folder(module)}
    return graph


def cycles(graph: Graph) -> list[set[str]]:
    """Sets of nodes that reach each other."""
    reach = {node: reachable(graph, node) for node in graph}
    found: list[set[str]] = []
    for node in graph:
        mutual = {other for other in reach[node] if node in reach[other]}
        if mutual and mutual not in found:
            found.append(mutual)
    return found


def reachable(graph: Graph, start: str) -> set[str]:
    seen: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting += graph[node]
    return seen


def longest_chain(graph: Graph) -> int | str:
    if cycles(graph):
        return "endless"
    lengths: dict[str, int] = {}

    def length(node: str) -> int:
        if node not in lengths:
            lengths[node] = 1 + max(map(length, graph[node]), default=0)
        return lengths[node]

    return max(map(length, graph))


def body_lines(root: Path) -> Iterator[int]:
    """The lines of each function's body, without its docstring."""
    for path in (root / PACKAGE).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                body = node.body[1:] if ast.get_docstring(node) is not None else node.body
                yield (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def percentile(values: list[int]) -> int:
    return values[int(len(values) * 0.95)]


if __name__ == "__main__":
    main(sys.argv[1:])
