"""The project's own code: what it raises is told as one line, with the file and line that its author can mend."""

from __future__ import annotations

import site
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from org_common.tools.project.project import ToolError

OURS = Path(__file__).parents[2]
# Where others' code lies: Python's own, and what is installed.
INSTALLED = {
    *(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    *(Path(folder) for folder in (*site.getsitepackages(), site.getusersitepackages())),
}


@contextmanager
def reporting_errors(what: str) -> Iterator[None]:
    """What the project's code raises in the block leaves as a `ToolError`; `what` failed, where no line of its did."""
    try:
        yield
    except ToolError:
        raise
    # A module may call sys.exit().
    except (Exception, SystemExit) as error:
        raise ToolError(error_message(error, what)) from error


def load(name: str, what: str) -> ModuleType:
    """Import a module of the project."""
    with reporting_errors(f"{what} cannot be loaded"):
        return import_module(name)


def load_object(text: str, what: str) -> Any:
    """What "module:name" stands for in the project."""
    name, _, attribute = text.partition(":")
    if not name or not attribute:
        raise ToolError(f"{what} cannot be loaded: it is not module:name")
    module = load(name, what)
    try:
        return getattr(module, attribute)
    except AttributeError as error:
        raise ToolError(f"{what} cannot be loaded: {error}") from error


def error_message(error: BaseException, what: str) -> str:
    """`FILE:LINE: why` of the project's innermost line, or `what: why` where none of its lines was running."""
    place = source_location(error)
    if place is None:
        return f"{what}: {error}"
    # Ours say what is wrong and what to do; of another's words the kind is a part.
    is_ours = OURS in Path(_frames(error)[-1][0]).parents
    kind = "" if is_ours and not isinstance(error, SyntaxError) else f"{type(error).__name__}: "
    return f"{place}: {kind}{error.msg if isinstance(error, SyntaxError) else error}"


def source_location(error: BaseException) -> str | None:
    """`FILE:LINE` of the project's innermost line."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return f"{_display_path(error.filename)}:{error.lineno}"
    theirs = [(file, line) for file, line in _frames(error) if _is_project_file(file)]
    return f"{_display_path(theirs[-1][0])}:{theirs[-1][1]}" if theirs else None


def _frames(error: BaseException) -> list[tuple[str, int]]:
    return [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]


def _is_project_file(file: str) -> bool:
    # A frame without a file is called "<frozen …>".
    return not file.startswith("<") and not {OURS, *INSTALLED} & set(Path(file).parents)


def _display_path(file: str) -> str:
    here = Path.cwd()
    path = Path(file)
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
