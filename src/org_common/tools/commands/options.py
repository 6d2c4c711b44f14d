"""Option types and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from click.core import ParameterSource
from click.types import StringParamType

ORIGIN = "org_common.url"


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


def url_option(envvar: str, help: str) -> Callable[[Any], Any]:
    """The required option `--url`, also read from the environment variable `envvar`."""
    return click.option("--url", type=Url(), envvar=envvar, show_envvar=True, required=True, help=help)


def count(number: int, noun: str) -> str:
    """A number with its noun: "1 message", "2 messages"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def origin(ctx: click.Context, error: Exception) -> str:
    """Prefix for a connection error: the option or variable that gave the URL. Empty for other errors."""
    from org_common.tools.database.migrations import AddressError

    return f"{ctx.meta[ORIGIN]}: " if isinstance(error, AddressError) and ORIGIN in ctx.meta else ""
