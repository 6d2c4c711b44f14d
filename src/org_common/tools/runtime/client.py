"""AWS's runtime client by itself, as Lambda has it beside a function: not with all that a checkout has installed."""

from __future__ import annotations

import shutil
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from org_common.tools.project import uv
from org_common.tools.project.project import ToolError

PACKAGES = ("awslambdaric", "snapshot-restore-py", "simplejson")


def install(folder: Path, python: str) -> None:
    """Copy the client out of this environment, or install the same versions for another Python."""
    try:
        found = [distribution(name) for name in PACKAGES]
    except PackageNotFoundError as error:
        raise ToolError(f"{error.name} is not here, and functions run under it: pip install awslambdaric") from error
    if python == f"{sys.version_info[0]}.{sys.version_info[1]}":
        for each in found:
            _copy(each, folder)
        return
    wanted = [f"{each.metadata['Name']}=={each.version}" for each in found]
    options = ["--no-config", "--no-deps", "--only-binary", ":all:", "--link-mode", "copy", "--python-version", python]
    uv.run(["install", "--target", folder, *options, "--", *wanted])


def _copy(found: Distribution, folder: Path) -> None:
    for file in found.files or ():
        if file.suffix != ".pyc" and ".." not in file.parts:
            target = folder / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(str(found.locate_file(file))), target)
