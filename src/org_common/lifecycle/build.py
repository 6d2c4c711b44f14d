"""Which build this is: of the layer, and of the function that runs on it.

Nothing is imported here but `os`: it runs at every cold start.
"""

import os

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping

# The file that a layer has beside its packages, and a function beside its modules: line, target, build.
STAMP = "org-common.{}.build"
FUNCTION = "function"
LAYERS = ("runtime", "auth")
CHECKOUT = "checkout"


def stamps(environ: "Mapping[str, str]" = os.environ) -> "dict[str, list[str]]":
    """What the parts say of themselves: line, target and build of "runtime", "auth" and "function", if they are there.

    The line is the same for all that was built from the same code and the same locks.
    """
    layer = os.path.abspath(__file__)  # noqa: PTH100 - pathlib is 5 ms
    for _ in ("build.py", "lifecycle", "org_common"):
        layer = os.path.dirname(layer)  # noqa: PTH120
    task = environ.get("LAMBDA_TASK_ROOT", "")
    places = dict.fromkeys(LAYERS, layer) | ({FUNCTION: task} if task else {})
    found = {}
    for name, folder in places.items():
        try:
            with open(f"{folder}/{STAMP.format(name)}", encoding="utf-8") as file:  # noqa: PTH123
                found[name] = file.read().splitlines()
        except OSError:
            continue
    return found


def mismatch(parts: "Mapping[str, list[str]]", python: str) -> "str | None":
    """What does not belong together, in one line with the remedy; None when all does. `python` is "3.13"."""
    lines = {name: part[0] for name, part in parts.items()}
    if len(set(lines.values())) > 1:
        told = ", ".join(f"{name} of {line}" for name, line in lines.items())
        return (
            f"function and layer were built from different lines: {told}. Publish the layer of the function's line,"
            " or build the function again"
        )
    for name, part in parts.items():
        if not part[1].startswith((f"python{python} ", "any ")):
            return (
                f"the {name} was built for {part[1]} and runs on Python {python}: attach the one that was built for it"
            )
    return None


_parts = stamps()

__build__ = _parts["runtime"][0] if "runtime" in _parts else CHECKOUT
"""The line of the layer that this runs from, as "0.1.0+4f1c2a9b03de"; "checkout" where it is no layer."""


def check() -> None:
    """Say once, in the log, that function and layer do not belong together. Goes on: most often they do work."""
    import sys

    found = mismatch(_parts, f"{sys.version_info[0]}.{sys.version_info[1]}") if FUNCTION in _parts else None
    if found is not None:
        import logging

        logging.getLogger("org_common").warning("%s", found)
