"""What a layer is built for: a Python of Lambda on a processor of Lambda, and the interpreter that compiles for it."""

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
    """`python` as "3.13", `arch` as Lambda spells it."""

    python: str
    arch: str

    def __post_init__(self) -> None:
        if self.python not in PYTHONS:
            raise ToolError(f"Lambda layers are built for Python {', '.join(PYTHONS)}, not for {self.python}")
        if self.arch not in ARCHITECTURES:
            raise ToolError(f"Lambda has {' and '.join(ARCHITECTURES)}, not {self.arch}")

    @property
    def name(self) -> str:
        """As it stands in file names: "py313-arm64"."""
        return f"py{self.python.replace('.', '')}-{self.arch}"

    @property
    def glibc(self) -> str:
        """Of the runtime: python3.11 is on Amazon Linux 2, all newer ones are on Amazon Linux 2023."""
        return "2.26" if self.python == "3.11" else "2.34"

    @property
    def platform(self) -> str:
        """As uv calls it. Between manylinux2014 (glibc 2.17) and 2_28 it knows nothing that 2.26 could run."""
        tag = "manylinux2014" if self.python == "3.11" else "manylinux_2_34"
        return f"{'aarch64' if self.arch == 'arm64' else 'x86_64'}-{tag}"

    @property
    def runs_here(self) -> bool:
        """Its compiled modules can be loaded on this machine."""
        return sys.platform == "linux" and MACHINES.get(platform.machine()) == self.arch

    @classmethod
    def here(cls) -> Target:
        """The Python that runs this, on this machine's processor."""
        return cls(f"{sys.version_info[0]}.{sys.version_info[1]}", MACHINES.get(platform.machine(), "x86_64"))


def interpreter(python: str) -> Path:
    """A CPython of just this minor version; `ToolError` if the machine has none.

    Byte code is of one minor version: another Python's would be ignored and compiled anew at every cold start.
    """
    for candidate in _candidates(python):
        if _version(candidate) == python:
            return candidate
    raise ToolError(
        f"there is no Python {python} on this machine, and only it can write the byte code that its Lambda runtime"
        f" reads. Install it (`uv python install {python}`, pyenv, your system's packages), or build for another"
        " version with --python."
    )


def _candidates(python: str) -> list[Path]:
    found = [Path(sys.executable)]
    if on_path := shutil.which(f"python{python}"):
        found.append(Path(on_path))
    # pyenv's shims answer only for the version that is switched on.
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR", Path.home() / ".local/share/uv/python"))
    found += sorted(pyenv.glob(f"{python}.*/bin/python{python}"))
    found += sorted(uv.glob(f"cpython-{python}.*/bin/python{python}"))
    return found


def _version(candidate: Path) -> str | None:
    ask = (
        "import sys; print(*sys.version_info[:2], sep='.') if sys.implementation.name == 'cpython' "
        "and not hasattr(sys, 'abiflags') or 't' not in sys.abiflags else sys.exit(1)"
    )
    try:
        done = subprocess.run(
            [candidate, "-I", "-S", "-c", ask], capture_output=True, text=True, timeout=30, check=False
        )
    except OSError:
        return None
    return done.stdout.strip() or None
