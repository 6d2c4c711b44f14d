"""Writes generated files, and overwrites none that exists unless it is asked to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from org_common.tools.scaffold.names import ScaffoldError


def write(root: Path, files: Mapping[str, str], *, force: bool = False) -> list[str]:
    """Write files below `root`, by their paths, and return the paths.

    Raises `ScaffoldError` before it writes anything if one of them exists; `force` overwrites it.
    """
    taken = [path for path in files if (root / path).exists()]
    if taken and not force:
        raise ScaffoldError(f"{', '.join(taken)}: already there. Choose another name, or overwrite with --force")
    for path, text in files.items():
        target = root / path
        if blocked := next((each for each in target.parents if each.exists() and not each.is_dir()), None):
            raise ScaffoldError(f"{blocked} is a file: the folder of {path} must be there")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="\n")
    return list(files)
