"""Requests without a deadline while a debugger is attached: stepping through a handler takes minutes."""

from __future__ import annotations

import sys
from typing import Any

from org_common import asgi
from org_common.tools.openapi.explorer import Application

DAY_S = 86_400.0
_USUAL_S = asgi.TIMEOUT_S
# From Python 3.12 on, a debugger need not trace.
_DEBUGGERS = ("debugpy", "pydevd", "_pydevd_bundle.pydevd")


def is_attached() -> bool:
    """Whether a debugger is in this process."""
    return sys.gettrace() is not None or any(name in sys.modules for name in _DEBUGGERS)


class Patient:
    """An ASGI application whose requests have a day while a debugger is attached."""

    def __init__(self, served: Application) -> None:
        self._served = served

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        setattr(asgi, "TIMEOUT_S", DAY_S if is_attached() else _USUAL_S)  # noqa: B010 -- a constant elsewhere
        await self._served(scope, receive, send)
