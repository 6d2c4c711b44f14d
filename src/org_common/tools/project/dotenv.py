"""Reads `.env` next to pyproject.toml: variables for commands, the local server and tests. Never used in Lambda."""

from __future__ import annotations

import os
from pathlib import Path

from org_common.tools.project.project import find_root

FILE = ".env"


def load(start: Path) -> Path | None:
    """Set the variables of the project's `.env` that are not set; returns its path, or None without one.

    Without python-dotenv, the file is ignored. So it is in Lambda.
    """
    root = find_root(start)
    if root is None or not (root / FILE).is_file() or "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        return None
    try:
        from dotenv import load_dotenv
    except ModuleNotFoundError:
        return None
    load_dotenv(root / FILE, override=False)
    return root / FILE
