"""Installs AWS's runtime client into a folder without other packages, as in a Lambda environment."""

from __future__ import annotations

import shutil
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from org_common.tools.project import uv
from org_common.tools.project.project import ToolError

PACKAGES = ("awslambdaric", "snapshot-restore-py", "simplejson")


def install(folder: Path, python: str) -> None:
    """Copy the client from this environment, or install the same versions for another Python ("3.13")."""
    try:
        packages = [distribution(name) for name in PACKAGES]
    except PackageNotFoundError as error:
        raise ToolError(f"{error.name} is required to run functions locally: pip install awslambdaric") from error
    if python == f"{sys.version_info[0]}.{sys.version_info[1]}":
        for package in packages:
            _copy(package, folder)
        return
    requirements = [f"{package.metadata['Name']}=={package.version}" for package in packages]
    options = ["--no-config", "--no-deps", "--only-binary", ":all:", "--link-mode", "copy", "--python-version", python]
    uv.run(["install", "--target", folder, *options, "--", *requirements])


def _copy(package: Distribution, folder: Path) -> None:
    for file in package.files or ():
        if file.suffix != ".pyc" and ".." not in file.parts:
            target = folder / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(str(package.locate_file(file))), target)
