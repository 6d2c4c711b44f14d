"""The packages of a layer, put into a folder for a target that may not be this machine."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import org_common
from org_common.tools.layer.lock import Pin
from org_common.tools.layer.targets import Target
from org_common.tools.project import uv
from org_common.tools.project.project import ToolError

# Ours that a Lambda has no use for: what tests need, what builds it, and all that is not Python or SQL.
NOT_OURS = ("tools", "testing", "__pycache__")


def packages(pins: Sequence[Pin], target: Target, folder: Path) -> None:
    """Install just these files, each checked against its hash. `ToolError` when one has none for the target."""
    with TemporaryDirectory() as temporary:
        requirements = Path(temporary, "requirements.txt")
        requirements.write_text("".join(pin.text for pin in pins))
        arguments: list[str | Path] = ["install", "--no-config", "--target", folder, "--no-deps", "--require-hashes"]
        arguments += ["--only-binary", ":all:", "--python-platform", target.platform, "--python-version", target.python]
        # Not links: they would be into uv's cache, and what is stripped here would be stripped there.
        arguments += ["--link-mode", "copy", "--no-compile-bytecode", "--requirements", requirements]
        try:
            uv.run(arguments)
        except uv.UvError as error:
            raise ToolError(_explained(str(error), target)) from error


def ours(folder: Path) -> None:
    """Copy `org_common`, without its tools, from where it is installed: a checkout or site-packages."""
    source = Path(org_common.__file__).parent
    shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns(*NOT_OURS), dirs_exist_ok=True)


def _explained(answer: str, target: Target) -> str:
    if "no wheels" not in answer and "compatible" not in answer and "matching platform" not in answer:
        return answer
    reason = (
        f"no layer for Python {target.python} on {target.arch}: a package of the lock has no wheel that runs there."
        f" Lambda's python{target.python} has glibc {target.glibc}."
    )
    if target.python == "3.11" and target.arch == "arm64":
        reason += " psycopg-binary 3.3 for arm64 needs 2.28: take Python 3.12 or newer, or x86_64."
    return f"{reason}\n{answer}"
