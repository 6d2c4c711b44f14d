"""The targets of a build: a Lambda Python on a Lambda architecture, and the interpreter that compiles for it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from org_common.tools.project.project import ToolError

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
ARCHITECTURES = ("x86_64", "arm64")
MACHINES = {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Target:
    """A Lambda runtime to build for; `ToolError` for one that does not exist."""

    python: str
    """"3.13"."""
    arch: str
    """"x86_64" or "arm64"."""

    def __post_init__(self) -> None:
        if self.python not in PYTHONS:
            raise ToolError(f"Python {self.python} is not supported. Choose one of {', '.join(PYTHONS)}")
        if self.arch not in ARCHITECTURES:
            raise ToolError(f"the architecture {self.arch} is not supported. Choose {' or '.join(ARCHITECTURES)}")

    @property
    def name(self) -> str:
        """The target in file names: "py313-arm64"."""
        return f"py{self.python.replace('.', '')}-{self.arch}"

    @property
    def glibc(self) -> str:
        """Glibc of the runtime: python3.11 runs on Amazon Linux 2, newer ones run on Amazon Linux 2023."""
        return "2.26" if self.python == "3.11" else "2.34"

    @property
    def platform(self) -> str:
        """The platform for uv. For glibc 2.26 it is manylinux2014 (2.17): uv's next one needs 2.28."""
        tag = "manylinux2014" if self.python == "3.11" else "manylinux_2_34"
        return f"{'aarch64' if self.arch == 'arm64' else 'x86_64'}-{tag}"

    @property
    def runs_here(self) -> bool:
        """Whether its compiled modules can be loaded on this machine."""
        return sys.platform == "linux" and MACHINES.get(platform.machine()) == self.arch

    @classmethod
    def here(cls) -> Target:
        """The current Python version and this machine's architecture."""
        return cls(f"{sys.version_info[0]}.{sys.version_info[1]}", MACHINES.get(platform.machine(), "x86_64"))


def interpreter(python: str) -> Path:
    """A CPython of exactly this minor version; `ToolError` if the machine has none.

    Bytecode is specific to a minor version: another one's would be ignored, and recompiled at every cold start.
    """
    for candidate in _candidates(python):
        if _version(candidate) == python:
            return candidate
    raise ToolError(
        f"Python {python} is not installed on this machine, and compiling bytecode for its Lambda runtime requires it."
        f" Install it (`uv python install {python}`, pyenv, your system's packages), or build for another version with"
        " --python."
    )


def _candidates(python: str) -> list[Path]:
    candidates = [Path(sys.executable)]
    if on_path := shutil.which(f"python{python}"):
        candidates.append(Path(on_path))
    # pyenv's shims work only for the selected version.
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR", Path.home() / ".local/share/uv/python"))
    candidates += sorted(pyenv.glob(f"{python}.*/bin/python{python}"))
    candidates += sorted(uv.glob(f"cpython-{python}.*/bin/python{python}"))
    return candidates


def _version(candidate: Path) -> str | None:
    script = (
        "import sys; print(*sys.version_info[:2], sep='.') if sys.implementation.name == 'cpython' "
        "and not hasattr(sys, 'abiflags') or 't' not in sys.abiflags else sys.exit(1)"
    )
    try:
        result = subprocess.run(
            [candidate, "-I", "-S", "-c", script], capture_output=True, text=True, timeout=30, check=False
        )
    except OSError:
        return None
    return result.stdout.strip() or None
