"""The build stamps of the layer and of the function that runs on it.

It imports only `os`, as it runs at every cold start.
"""

import os

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping

# The stamp file next to the packages of a layer, and next to the modules of a function: line, target, build.
STAMP = "org-common.{}.build"
FUNCTION = "function"
LAYERS = ("runtime", "auth")
CHECKOUT = "checkout"


def stamps(environ: "Mapping[str, str]" = os.environ) -> "dict[str, list[str]]":
    """The stamps that exist, by part ("runtime", "auth", "function"): each the three lines line, target and build.

    The line is the same for all parts that were built from the same code and the same lock files.
    """
    layer = os.path.abspath(__file__)  # noqa: PTH100 - importing pathlib takes 5 ms
    for _ in ("build.py", "lifecycle", "org_common"):
        layer = os.path.dirname(layer)  # noqa: PTH120
    task = environ.get("LAMBDA_TASK_ROOT", "")
    places = dict.fromkeys(LAYERS, layer) | ({FUNCTION: task} if task else {})
    stamps = {}
    for name, folder in places.items():
        try:
            with open(f"{folder}/{STAMP.format(name)}", encoding="utf-8") as file:  # noqa: PTH123
                stamps[name] = file.read().splitlines()
        except OSError:
            continue
    return stamps


def mismatch(parts: "Mapping[str, list[str]]", python: str) -> "str | None":
    """How the parts do not match, in one line with the remedy; None when they match. `python` is like "3.13"."""
    lines = {name: part[0] for name, part in parts.items()}
    if len(set(lines.values())) > 1:
        builds = ", ".join(f"{name} {line}" for name, line in lines.items())
        return (
            f"function and layer were built from different lines: {builds}. Publish the layer that was built with the"
            " function, or rebuild the function"
        )
    for name, part in parts.items():
        if not part[1].startswith((f"python{python} ", "any ")):
            return (
                f"the {name} was built for {part[1]} but runs on Python {python}: attach the one built for that version"
            )
    return None


_parts = stamps()

__build__: str = _parts["runtime"][0] if "runtime" in _parts else CHECKOUT
"""The line of the layer that this code was loaded from, like "0.1.0+4f1c2a9b03de"; "checkout" outside of a layer."""


def check() -> None:
    """Log a warning if function and layer do not match. The function continues: most often they work together."""
    import sys

    problem = mismatch(_parts, f"{sys.version_info[0]}.{sys.version_info[1]}") if FUNCTION in _parts else None
    if problem is not None:
        import logging

        logging.getLogger("org_common").warning("%s", problem)
