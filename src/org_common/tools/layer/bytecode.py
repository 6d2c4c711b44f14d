"""Byte code that Lambda's Python takes as it is: it compiles nothing, and asks no file's date.

A zip keeps dates to two seconds and a layer's are all the same, so byte code that goes by dates is dead on arrival and
compiled anew at each cold start, since /opt cannot be written to (measured: 365 instead of 160 ms of imports).
`unchecked-hash` byte code (PEP 552) is taken without a look at its source.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from org_common.tools.layer.targets import interpreter
from org_common.tools.project.project import ToolError

# Run by the target's Python, which has nothing of ours. All files in one process and in one order: what marshal shares
# between values depends on what the process has met before.
COMPILE = """\
import importlib._bootstrap_external as external, importlib.util, os, sys
folder, prefix = sys.argv[1:]
for place, folders, names in os.walk(folder):
    folders[:] = sorted(name for name in folders if name != "__pycache__")
    for name in sorted(names):
        if not name.endswith(".py"):
            continue
        path = os.path.join(place, name)
        with open(path, "rb") as file:
            source = file.read()
        shown = prefix + "/" + os.path.relpath(path, folder)
        try:
            code = compile(source, shown, "exec", dont_inherit=True, optimize=0)
        except SyntaxError as error:
            print(f"left alone, not for this Python: {shown}: {error}", file=sys.stderr)
            continue
        data = external._code_to_hash_pyc(code, importlib.util.source_hash(source), False)
        target = os.path.join(place, "__pycache__", f"{name[:-3]}.{sys.implementation.cache_tag}.pyc")
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            file.write(data)
print(sys.version.split()[0])
"""


def write(folder: Path, python: str, prefix: str) -> str:
    """Compile all that is in the folder, as if it lay in `prefix`; answers the version that did it, as "3.13.0"."""
    done = subprocess.run(
        [interpreter(python), "-I", "-S", "-X", "utf8", "-c", COMPILE, folder, prefix],
        capture_output=True,
        text=True,
        env={"PYTHONHASHSEED": "0"},
        check=False,
    )
    if done.returncode:
        raise ToolError(f"Python {python} could not compile the layer: {done.stderr.strip()}")
    return done.stdout.strip()
