"""Imports the project's own code, and reports its exceptions as one line: the file and line to fix, and the error."""

from __future__ import annotations

import site
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from org_common.tools.project.project import ToolError

ORG_COMMON = Path(__file__).parents[2]
# Folders of code that is not the project's: the standard library and installed packages.
INSTALLED = {
    *(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    *(Path(folder) for folder in (*site.getsitepackages(), site.getusersitepackages())),
}


@contextmanager
def reporting_errors(what: str) -> Iterator[None]:
    """Turn exceptions of the project's code in the block into `ToolError`.

    `what` says what failed, for an exception that was raised outside of the project's files.
    """
    try:
        yield
    except ToolError:
        raise
    # SystemExit: a module may call sys.exit().
    except (Exception, SystemExit) as error:
        raise ToolError(error_message(error, what)) from error


def load(name: str, what: str) -> ModuleType:
    """Import a module of the project; `what` names it in the `ToolError`."""
    with reporting_errors(f"{what} cannot be loaded"):
        try:
            return import_module(name)
        except ModuleNotFoundError as error:
            # Of the module itself, not of one that it imports.
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise
            raise ToolError(f"{what} cannot be loaded: {error}. Correct the name, or create the module") from error


def load_object(text: str, what: str) -> Any:
    """The object that "module:name" refers to in the project; `what` names it in the `ToolError`."""
    name, _, attribute = text.partition(":")
    if not name or not attribute:
        raise ToolError(f"{what} cannot be loaded: write it as module:name, for example shop.orders:app")
    module = load(name, what)
    try:
        return getattr(module, attribute)
    except AttributeError as error:
        near = get_close_matches(attribute, vars(module), 1)
        advice = f"Did you mean {name}:{near[0]}?" if near else f"Define {attribute} in {name}, or correct the name"
        raise ToolError(f"{what} cannot be loaded: {error}. {advice}") from error


def error_message(error: BaseException, what: str) -> str:
    """`FILE:LINE: message` with the project's innermost line, or `what: message` if no project code was running."""
    location = source_location(error)
    if location is None:
        return f"{what}: {error}"
    # Messages of org-common say what is wrong and what to do. Others need the type: KeyError("x") says only 'x'.
    is_ours = ORG_COMMON in Path(_frames(error)[-1][0]).parents
    type_name = "" if is_ours and not isinstance(error, SyntaxError) else f"{type(error).__name__}: "
    circular = isinstance(error, ImportError) and "circular import" in str(error)
    advice = ". Move what both modules need into a third one, or import it in the function that uses it"
    return (
        f"{location}: {type_name}{error.msg if isinstance(error, SyntaxError) else error}{advice if circular else ''}"
    )


def source_location(error: BaseException) -> str | None:
    """`FILE:LINE` of the innermost line in the project's files; None if the traceback has none."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return f"{display_path(error.filename)}:{error.lineno}"
    in_project = [(file, line) for file, line in _frames(error) if _is_project_file(file)]
    return f"{display_path(in_project[-1][0])}:{in_project[-1][1]}" if in_project else None


def _frames(error: BaseException) -> list[tuple[str, int]]:
    return [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]


def _is_project_file(file: str) -> bool:
    # A frame without a file has a name such as "<frozen importlib._bootstrap>".
    return not file.startswith("<") and not {ORG_COMMON, *INSTALLED} & set(Path(file).parents)


def display_path(file: str) -> str:
    """The path, relative to the current folder if the file is in it."""
    here = Path.cwd()
    path = Path(file)
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
