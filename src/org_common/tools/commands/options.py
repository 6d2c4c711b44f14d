"""Option types and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource
from click.types import StringParamType

ORIGIN = "org_common.url"

C = TypeVar("C", bound=Callable[..., Any])


class Url(StringParamType):
    """A database URL.

    Remembers the option or variable that it came from, for error messages: they must not print the URL, which may hold
    a password.
    """

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not value:
            self.fail("the URL is empty", param, ctx)
        if isinstance(param, click.Option) and ctx is not None and param.name:
            from_shell = ctx.get_parameter_source(param.name) is ParameterSource.ENVIRONMENT
            ctx.meta[ORIGIN] = param.envvar if from_shell else param.opts[0]
        return str(value)


class Folder(click.Path):
    """The path of a folder. An empty path is an error: it would mean the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not value:
            self.fail("the folder's path is empty", param, ctx)
        return super().convert(value, param, ctx)


def url_option(envvar: str, help: str, *, role: str | None = None) -> Callable[[Any], Any]:
    """The required option `--url`, also read from the environment variable `envvar`.

    Without both, the URL of `role` in the database of a running `org-common dev`.
    """
    return click.option(
        "--url",
        type=Url(),
        envvar=envvar,
        show_envvar=True,
        required=role is None,
        callback=None if role is None else partial(_running_url, role),
        help=help,
    )


def _running_url(role: str, ctx: click.Context, param: click.Parameter, value: str | None) -> str:
    """The URL that was given, or else that of the role in the database of the running local server."""
    if value is not None:
        return value
    from org_common.tools.project.project import find_root

    root = find_root(Path())
    if root is None or not (root / ".org-common").is_dir():
        raise click.MissingParameter(ctx=ctx, param=param)
    from org_common.tools.database import running

    local = running.read(root / ".org-common")
    if local is None:
        raise click.MissingParameter(ctx=ctx, param=param)
    click.echo(f"using the database of the running `org-common dev`, as {role}", err=True)
    return running.url_of(local, role)


def json_option(command: C) -> C:
    """The option `--json`, which the command receives as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def print_json(document: Any) -> None:
    """Print a document for programs. Dates are in ISO 8601."""
    import json

    click.echo(json.dumps(document, indent=2, default=str))


def count(number: int, noun: str) -> str:
    """A number with its noun: "1 message", "2 messages"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def origin(ctx: click.Context, error: Exception) -> str:
    """Prefix for a connection error: the option or variable that gave the URL. Empty for other errors."""
    from org_common.tools.database.migrations import AddressError

    return f"{ctx.meta[ORIGIN]}: " if isinstance(error, AddressError) and ORIGIN in ctx.meta else ""
