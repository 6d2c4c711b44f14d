"""Writes what `org_common.lifecycle.precompiled` reads: the compiled form of the texts that modules compile.

Two processes of the target's Python. The first imports the modules and collects their texts. The second compiles them:
what marshal shares between values depends on what a process has seen before, and this one has always seen the same.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from org_common.lifecycle.precompiled import OFF, SWITCH
from org_common.tools.project.project import ToolError

# Prints the texts as Python literals: what is looked up while modules are imported.
COLLECT = """\
import os, sys
path, modules = sys.argv[1].split(os.pathsep), sys.argv[2:]
sys.path[:0] = path
import org_common
from org_common.lifecycle import precompiled


class Asked(dict):
    def get(self, key):
        self[key] = None


sources, patterns = Asked(), Asked()
precompiled.look_up(sources, patterns)
import importlib, pkgutil
for name in org_common.__all__:
    try:
        getattr(org_common, name)
    except ImportError:
        pass
for module in (*(found.name for found in pkgutil.walk_packages(org_common.__path__, "org_common.")), *modules):
    if not module.startswith(("org_common.tools", "org_common.testing")):
        try:
            importlib.import_module(module)
        except ImportError:
            pass
print(sorted(sources))
print(sorted(((pattern, int(flags)) for pattern, flags in patterns), key=repr))
"""

# Compiles the texts and writes the file, without those that fail or that Python warns of, so that they do so again.
# `_sre` is where the compiler of patterns hands over what it made.
COMPILE = """\
import _sre, ast, marshal, os, re, sys, warnings
from re import _compiler
file, path = sys.argv[1], sys.argv[2].split(os.pathsep)
sys.path[:0] = path
from org_common.lifecycle.precompiled import header
sources, patterns = map(ast.literal_eval, sys.stdin.read().splitlines()[-2:])


class Sre:
    def __getattr__(self, name):
        return getattr(_sre, name)

    def compile(self, pattern, *arguments):
        flags, code, groups, index, names = arguments
        self.made = int(flags), list(map(int, code)), groups, dict(index), names
        return _sre.compile(pattern, *arguments)


def source(mode, text):
    return compile(text, "<string>", mode, dont_inherit=True)


def pattern(text, flags):
    _compiler.compile(text, flags)
    return _compiler._sre.made


def entries(make, texts):
    found = {}
    for key in texts:
        try:
            found[key] = marshal.dumps(make(*key))
        except (SyntaxError, re.error, Warning):
            pass
    return found


_compiler._sre = Sre()
warnings.simplefilter("error")
with open(file, "wb") as output:
    marshal.dump((header(), entries(source, sources), entries(pattern, patterns)), output)
"""


def write(file: Path, python: Path, path: Sequence[Path], modules: Sequence[str] = ()) -> None:
    """Write the file for the packages in the folders `path`, one of which contains org_common.

    Imports all of org_common but its tools, and these modules, with the interpreter `python`. What this machine or the
    folders cannot import is left out, and compiled at each start as usual. `ToolError` if an import fails otherwise.
    """
    command = (python, "-s", "-P", "-S", "-B", "-X", "utf8", "-X", "no_debug_ranges", "-c")
    joined = os.pathsep.join(map(str, path))
    texts = _run([*command, COLLECT, joined, *modules])
    _run([*command, COMPILE, file, joined], texts)


def _run(command: Sequence[str | Path], texts: str = "") -> str:
    # Some patterns are made from a set.
    environment = {SWITCH: OFF, "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, input=texts, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise ToolError(f"cannot collect the texts that modules compile: {done.stderr.strip()}")
    return done.stdout
