"""The tree keeps its shape: small files, each with its tests."""

import ast
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path.relative_to(ROOT / "src") for path in (ROOT / "src").rglob("*.py") if path.name != "__init__.py")

# A longer file is a question, not an error of style: which part of it is a noun of its own?
MAX_LINES = 400
MAX_BODY_LINES = 40
MAX_FILES = {"org_common": 8}
MAX_FILES_ELSEWHERE = 20

# A command is tested with the tool that it calls, SQL with the routes that run it.
UNMIRRORED = ("commands", "queries")


def test_each_source_has_its_tests() -> None:
    mirrors = [source.with_name(f"test_{source.name}") for source in SOURCES if not {*UNMIRRORED} & {*source.parts}]

    missing = [f"tests/{mirror}" for mirror in mirrors if not (ROOT / "tests" / mirror).exists()]

    assert not missing, "\n".join(missing)


def test_each_source_is_short() -> None:
    lines = {source: len((ROOT / "src" / source).read_text().splitlines()) for source in SOURCES}

    long = [f"{source} has {count} lines" for source, count in lines.items() if count > MAX_LINES]

    assert not long, "\n".join(long)


def test_each_function_is_short() -> None:
    long = [
        f"{source}: {node.name} has {lines} lines"
        for source in SOURCES
        for node in ast.walk(ast.parse((ROOT / "src" / source).read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (lines := body_lines(node)) > MAX_BODY_LINES
    ]

    assert not long, "\n".join(long)


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Without the docstring."""
    body = function.body[ast.get_docstring(function) is not None :]
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_each_folder_is_small() -> None:
    files = Counter(source.parent.as_posix() for source in SOURCES)

    large = {folder: count for folder, count in files.items() if count > MAX_FILES.get(folder, MAX_FILES_ELSEWHERE)}

    assert not large
