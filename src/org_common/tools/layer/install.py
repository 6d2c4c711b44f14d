"""Installs the packages of a layer into a folder, also for other Python versions and architectures."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from importlib.metadata import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

import org_common
from org_common.tools.layer.lock import OURS, Pin
from org_common.tools.layer.targets import Target
from org_common.tools.project import uv
from org_common.tools.project.project import ToolError

# Parts of org_common that a function does not need: development tools, test support and caches.
NOT_OURS = ("tools", "testing", "__pycache__")
# Files that only the tools and servers import: the check of declarations, and ASGI, which no handler may load.
_NOT_IN_FUNCTIONS = ("check.py", "readable.py", "asgi.py", "admission.py")


def packages(pins: Sequence[Pin], target: Target, folder: Path) -> None:
    """Install exactly these packages, checked against their hashes. `ToolError` if one has no wheel for the target."""
    with TemporaryDirectory() as temporary:
        requirements = Path(temporary, "requirements.txt")
        requirements.write_text("".join(pin.text for pin in pins))
        arguments: list[str | Path] = ["install", "--no-config", "--target", folder, "--no-deps", "--require-hashes"]
        arguments += ["--only-binary", ":all:", "--python-platform", target.platform, "--python-version", target.python]
        # Copy instead of linking: stripping a link would modify uv's cache.
        arguments += ["--link-mode", "copy", "--no-compile-bytecode", "--requirements", requirements]
        try:
            uv.run(arguments)
        except uv.UvError as error:
            raise ToolError(_explain(str(error), target)) from error


def ours(folder: Path) -> None:
    """Copy `org_common` without its tools from where it is installed, a checkout or site-packages."""
    source = Path(org_common.__file__).parent
    ignored = shutil.ignore_patterns(*NOT_OURS, *_NOT_IN_FUNCTIONS)
    shutil.copytree(source, folder / source.name, ignore=ignored, dirs_exist_ok=True)
    installed = metadata(OURS)
    ours = folder / f"{source.name}-{installed['Version']}.dist-info"
    ours.mkdir(exist_ok=True)
    headers = {name: installed[name] for name in ("Metadata-Version", "Name", "Version", "License-Expression")}
    text = "".join(f"{name}: {value}\n" for name, value in headers.items() if value)
    (ours / "METADATA").write_text(text, encoding="utf-8")


def _explain(output: str, target: Target) -> str:
    if "no wheels" not in output and "compatible" not in output and "matching platform" not in output:
        return output
    reason = (
        f"cannot build a layer for Python {target.python} on {target.arch}: a locked package has no compatible wheel."
        f" Lambda's python{target.python} has glibc {target.glibc}."
    )
    if target.python == "3.11" and target.arch == "arm64":
        reason += " psycopg-binary 3.3 for arm64 needs 2.28: use Python 3.12 or newer, or x86_64."
    return f"{reason}\n{output}"
