"""`org-common outbox relay`: the outbox's way out, as a process."""

from __future__ import annotations

from importlib import import_module
from typing import cast

import psycopg

from org_common.db import outbox
from org_common.tools.migrations import SchemaError
from org_common.tools.project import ToolError
from org_common.tools.schema import session, told


def run(url: str, sink: str, *, follow: bool) -> int:
    """Hand over what there is, or with `follow` whatever comes; answers how many messages. `sink` is "module:name"."""
    module, _, name = sink.partition(":")
    try:
        target = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise ToolError(f"the sink {sink} cannot be loaded: {error}. Example: --sink shop.queues:sink") from error
    if not callable(getattr(target, "deliver", None)):
        raise ToolError(f"the sink {sink} has no method deliver(messages)")
    work = outbox.follow if follow else outbox.relay
    try:
        with session(url, "relay"):
            # Whatever is wrong with the address is told here, without its password.
            pass
        return work(url, cast("outbox.Sink", target))
    except SchemaError as error:
        raise ToolError(f"the outbox cannot be reached: {error}") from None
    except psycopg.OperationalError as error:
        raise ToolError(f"the outbox cannot be reached: {told(error)}") from None
