"""What modules compile while Python imports them, compiled when the layer was built.

`dataclasses` writes the methods of a class as source text, `namedtuple` its constructor, `typing` compiles each
annotation that is a string, and `re` each pattern. A layer contains the result of every text that its modules are known
to compile, and this module looks there first. A text that is not there, because a package or a model changed, is
compiled as usual. So nothing becomes stale, and the classes, annotations and patterns are those of a plain import.

Nothing of this happens without the file of a layer, if the file was written for another Python or is damaged, or if
ORG_COMMON_PRECOMPILED is `off`. The variable may name another file instead. `org_common` imports this module before the
first public name. `org_common.tools.layer.precompile` writes the file.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False

if TYPE_CHECKING:
    from types import CodeType, ModuleType
    from typing import Any

SWITCH = "ORG_COMMON_PRECOMPILED"
"""The environment variable: `off`, or the path of a file."""
OFF = "off"
FILE = "org-common.runtime.precompiled"
"""The file next to the packages of a layer."""
TOO_NEW = (3, 14)
"""The first Python whose `typing` compiles annotations in another place."""


def header() -> tuple[object, ...]:
    """What a file must have in common with the running Python: the formats of bytecode and patterns, and -O."""
    import _sre  # type: ignore[import-not-found] # not in typeshed
    from importlib.util import MAGIC_NUMBER

    return MAGIC_NUMBER, _sre.MAGIC, sys.flags.optimize


def use(path: str) -> bool:
    """Use the file at this path from now on. Returns False, and changes nothing, if it is not for this Python."""
    from marshal import loads

    try:
        with open(path, "rb") as file:  # noqa: PTH123 - importing pathlib takes 5 ms
            written_for, sources, patterns = loads(file.read())  # noqa: S302 - trusted as the bytecode next to it
    except (OSError, EOFError, ValueError, TypeError):
        return False
    if written_for != header() or sys.version_info >= TOO_NEW:
        return False
    look_up(sources, patterns)
    return True


def look_up(sources: dict[tuple[str, str], bytes | CodeType], patterns: dict[tuple[str | bytes, int], bytes]) -> None:
    """Look up sources by mode and text, and patterns by text and flags, from now on; compile those without an entry.

    Entries are marshalled: code, or the arguments of `_sre.compile` after the pattern.
    """
    # First, since dataclasses imports modules that compile patterns.
    _look_up_patterns(patterns)
    _look_up_sources(sources)


def _look_up_sources(sources: dict[tuple[str, str], bytes | CodeType]) -> None:
    """Replace what `typing`, `dataclasses` and `collections` compile with. Each looks in its module before builtins."""
    import collections
    import typing
    from marshal import loads

    def compiled(source: str, filename: str, mode: str) -> CodeType:
        found = sources.get((mode, source))
        if found is None:
            # Without the future statements of this file.
            code: CodeType = compile(source, filename, mode, dont_inherit=True)
            return code
        if isinstance(found, bytes):
            found = sources[mode, source] = loads(found)  # noqa: S302
        return found

    def execute(source: str, names: dict[str, Any], own_names: dict[str, Any] | None = None) -> None:
        exec(compiled(source, "<string>", "exec"), names, own_names)  # noqa: S102

    def evaluate(source: str, names: dict[str, Any]) -> object:
        return eval(compiled(source, "<string>", "eval"), names)  # noqa: S307

    _put(typing, "compile", compiled)
    _put(collections, "eval", evaluate)
    import dataclasses

    _put(dataclasses, "exec", execute)


def _put(module: ModuleType, name: str, function: object) -> None:
    setattr(module, name, function)


def _look_up_patterns(patterns: dict[tuple[str | bytes, int], bytes]) -> None:
    """Replace the function with which `re` compiles what is not in its own cache."""
    import _sre  # pyright: ignore[reportMissingImports]
    from marshal import loads
    from re import _compiler  # type: ignore[attr-defined] # not in typeshed

    plain = _compiler.compile

    def compiled(pattern: Any, flags: int = 0) -> object:
        found = patterns.get((pattern, flags)) if isinstance(pattern, (str, bytes)) else None
        if found is None:
            return plain(pattern, flags)
        return _sre.compile(pattern, *loads(found))  # noqa: S302

    _compiler.compile = compiled


def _path() -> str | None:
    """The file to use; None for none."""
    chosen = os.environ.get(SWITCH)
    if chosen:
        return None if chosen == OFF else chosen
    layer = os.path.abspath(__file__)  # noqa: PTH100
    for _ in ("precompiled.py", "lifecycle", "org_common"):
        layer = os.path.dirname(layer)  # noqa: PTH120
    path = f"{layer}/{FILE}"
    return path if os.path.exists(path) else None  # noqa: PTH110


_chosen = _path()

is_used: bool = _chosen is not None and use(_chosen)
"""Whether this environment uses a file."""
