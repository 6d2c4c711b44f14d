"""Kinds of options that several commands have."""

from __future__ import annotations

from typing import Any

import click
from click.core import ParameterSource
from click.types import StringParamType

ORIGIN = "org_common.url"


class Url(StringParamType):
    """A database's URL. Where it came from is kept: the URL itself is never told, as it may hold a password."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not value:
            self.fail("the URL is empty", param, ctx)
        if isinstance(param, click.Option) and ctx is not None and param.name:
            from_shell = ctx.get_parameter_source(param.name) is ParameterSource.ENVIRONMENT
            ctx.meta[ORIGIN] = param.envvar if from_shell else param.opts[0]
        return str(value)


class Folder(click.Path):
    """A folder's path; an empty one would be the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not value:
            self.fail("the folder's path is empty", param, ctx)
        return super().convert(value, param, ctx)


def origin(ctx: click.Context, error: Exception) -> str:
    """The option or variable of the URL by which nobody can connect, to be put in front of why."""
    from org_common.tools.database.migrations import AddressError

    return f"{ctx.meta[ORIGIN]}: " if isinstance(error, AddressError) and ORIGIN in ctx.meta else ""
