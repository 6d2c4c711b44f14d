"""Finds the declarations of a project."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from org_common.tools.database.migrations import folder_of
from org_common.tools.project.project import Project
from org_common.tools.prove.declaration import FILE, SDK_FILE, DeclarationError

SDK = Path(str(files("org_common.tools.prove").joinpath(SDK_FILE)))
"""The declaration of org-common's own tables and functions."""


def find(project: Project, *, partly: bool = False) -> list[Path]:
    """The declaration of org-common, and that of each package with migrations.

    Raises `DeclarationError` for a missing one, unless `partly` is true.
    """
    found = [SDK]
    for package in project.migrations:
        folder = folder_of(package, project.root)[1]
        if not (folder / FILE).is_file():
            if partly:
                continue
            raise DeclarationError(
                f"{folder} has migrations and no {FILE}: draft one with `org-common db prove --draft`, and review it"
            )
        found.append(folder / FILE)
    return found
