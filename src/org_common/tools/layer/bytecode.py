"""Compiles bytecode that Lambda's Python uses without checking file dates.

A zip stores dates with a resolution of two seconds, and the files of a layer share one. Timestamp-based bytecode would
therefore be invalid and recompiled at each cold start, since /opt is read-only (measured: 365 instead of 160 ms for
imports). `unchecked-hash` bytecode (PEP 552) is used without looking at its source.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from org_common.tools.layer.targets import interpreter
from org_common.tools.project.project import ToolError

# Runs in the target's Python, without org-common. All files in one process and in a fixed order, because what marshal
# shares between values depends on what the process has seen before.
COMPILE = """\
import ast, importlib._bootstrap_external as external, importlib.util, os, sys
folder, prefix, docstrings = sys.argv[1:]


def without_docstrings(source, shown):
    tree = ast.parse(source, shown)
    for node in ast.walk(tree):
        if isinstance(node, (ast.AsyncFunctionDef, ast.ClassDef, ast.FunctionDef, ast.Module)):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and type(first.value.value) is str:
                # An import from __future__ has to stay the first statement of a module.
                node.body[:1] = [] if isinstance(node, ast.Module) else [ast.copy_location(ast.Pass(), first)]
    return tree


for place, folders, names in os.walk(folder):
    folders[:] = sorted(name for name in folders if name != "__pycache__")
    for name in sorted(names):
        if not name.endswith(".py"):
            continue
        path = os.path.join(place, name)
        with open(path, "rb") as file:
            source = file.read()
        shown = prefix + "/" + os.path.relpath(path, folder)
        try:
            kept = source if docstrings == "keep" else without_docstrings(source, shown)
            code = compile(kept, shown, "exec", dont_inherit=True, optimize=0)
        except SyntaxError as error:
            print(f"skipped, not for this Python: {shown}: {error}", file=sys.stderr)
            continue
        data = external._code_to_hash_pyc(code, importlib.util.source_hash(source), False)
        target = os.path.join(place, "__pycache__", f"{name[:-3]}.{sys.implementation.cache_tag}.pyc")
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            file.write(data)
print(sys.version.split()[0])
"""


def write(folder: Path, python: str, prefix: str, *, docstrings: bool) -> str:
    """Compile all modules in the folder, with paths below `prefix`. Returns the compiler's version: "3.13.0".

    It leaves out the columns that a traceback underlines: log lines name the line alone. Without `docstrings` it leaves
    those out too, as `python -OO` does, though it keeps assertions. Both are read at each cold start, and take a
    quarter of a layer's bytecode; columns alone take a twelfth of a function's, and a seventh of its zip (measured).
    """
    kept = "keep" if docstrings else "drop"
    result = subprocess.run(
        [interpreter(python), "-I", "-S", "-X", "utf8", "-X", "no_debug_ranges", "-c", COMPILE, folder, prefix, kept],
        capture_output=True,
        text=True,
        env={"PYTHONHASHSEED": "0"},
        check=False,
    )
    if result.returncode:
        raise ToolError(f"Python {python} failed to compile the layer: {result.stderr.strip()}")
    return result.stdout.strip()
