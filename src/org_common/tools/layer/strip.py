"""What a Lambda never reads, taken out of the installed packages."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

# Of every package: tests, stubs, sources of compiled modules, what installers write, programs.
FOLDERS = ("__pycache__", "test", "tests", "_test", "_tests", "testing/tests", "bin", "include")
FILES = (
    *("*.pyi", "py.typed", "*.c", "*.h", "*.hpp", "*.pxd", "*.pyx", "*.rs", "*.md", "*.rst", "*.orig"),
    *("conftest.py", "test_*.py", "*_test.py", ".lock"),
)

# Of some packages, by what is known of them. A test of the built layer imports and uses what is left.
KNOWN = {
    # cryptography loads the compiled part, `_cffi_backend`, and neither the generator nor its C parser.
    "cffi": ("cffi", "cffi-*.dist-info"),
    "pycparser": ("pycparser", "pycparser-*.dist-info"),
    # The API of pydantic 1 for code that has not moved, and a plugin for a type checker.
    "pydantic": ("pydantic/v1", "pydantic/mypy.py", "pydantic/_hypothesis_plugin.py"),
    # For a framework that nobody runs on Lambda.
    "tenacity": ("tenacity/tornadoweb.py",),
}
HEADERS = ("metadata-version:", "name:", "version:")
LICENCE = re.compile(r"^(?:License-Expression|License): (\S.*)$", re.MULTILINE)


def strip(folder: Path, drop: Sequence[str] = ()) -> None:
    """Remove it in place. `drop` are more patterns of paths, as the project wants it."""
    for path in sorted(folder.rglob("*"), reverse=True):
        inside = path.relative_to(folder).as_posix()
        if path.is_dir() and path.name in FOLDERS:
            shutil.rmtree(path)
        elif path.is_file() and any(fnmatch(path.name, pattern) for pattern in FILES):
            path.unlink()
        elif any(fnmatch(inside, pattern) for pattern in drop):
            _remove(path)
    for patterns in KNOWN.values():
        for pattern in patterns:
            for path in folder.glob(pattern):
                _remove(path)
    for metadata in folder.glob("*.dist-info"):
        _shorten(metadata)


def licence(metadata: str) -> str:
    """As a package's METADATA tells it in one line; empty if it does not."""
    found = LICENCE.search(metadata)
    return found[1].strip() if found else ""


def _shorten(metadata: Path) -> None:
    """Name, version and entry points stay: packages ask for their own version, and look for plugins (psycopg does)."""
    for path in metadata.iterdir():
        if path.name == "METADATA":
            lines = path.read_text(encoding="utf-8").splitlines()
            path.write_text("".join(f"{line}\n" for line in lines if line.lower().startswith(HEADERS)))
        elif path.name != "entry_points.txt" or "[console_scripts]" in path.read_text():
            _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():
        path.unlink()
