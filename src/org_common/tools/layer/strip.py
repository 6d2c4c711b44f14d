"""Removes files that a Lambda function never reads from installed packages."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

# In all packages: tests, stubs, sources of compiled modules, files of installers, programs.
FOLDERS = ("__pycache__", "test", "tests", "_test", "_tests", "testing/tests", "bin", "include")
# fmt: off
FILES = (
    "*.pyi", "py.typed", "*.c", "*.h", "*.hpp", "*.pxd", "*.pyx", "*.rs", "*.md", "*.rst", "*.orig",
    "conftest.py", "test_*.py", "*_test.py", ".lock",
)
# fmt: on

# In particular packages. A test of the built layer imports and uses the rest.
KNOWN = {
    # cryptography uses the compiled `_cffi_backend`, but not the generator and its C parser.
    "cffi": ("cffi", "cffi-*.dist-info"),
    "pycparser": ("pycparser", "pycparser-*.dist-info"),
    # The compatibility API of pydantic 1, and plugins for mypy and hypothesis.
    "pydantic": ("pydantic/v1", "pydantic/mypy.py", "pydantic/_hypothesis_plugin.py"),
    # Support for Tornado, which does not run on Lambda.
    "tenacity": ("tenacity/tornadoweb.py",),
}
HEADERS = ("metadata-version:", "name:", "version:")
LICENCE = re.compile(r"^(?:License-Expression|License): (\S.*)$", re.MULTILINE)


def strip(folder: Path, drop: Sequence[str] = ()) -> None:
    """Remove the files in place. `drop` are the project's own patterns of paths."""
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
    """The one-line licence in a package's METADATA; empty without one."""
    match = LICENCE.search(metadata)
    return match[1].strip() if match else ""


def _shorten(metadata: Path) -> None:
    """Keep name, version and entry points: packages read their own version and look for plugins (psycopg does)."""
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
