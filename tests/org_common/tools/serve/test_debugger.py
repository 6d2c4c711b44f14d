import asyncio
import sys
from types import ModuleType
from typing import Any

import pytest

from org_common import asgi
from org_common.tools.serve.debugger import DAY_S, Patient, is_attached

USUAL_S = asgi.TIMEOUT_S


@pytest.fixture
def untraced() -> Any:
    """Coverage traces too."""
    tracer = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(tracer)


def seen() -> float:
    """The timeout of a request that is served now."""
    timeouts = []

    async def served(scope: Any, receive: Any, send: Any) -> None:
        timeouts.append(asgi.TIMEOUT_S)

    asyncio.run(Patient(served)({}, None, None))
    return timeouts[0]


def test_requests_have_a_day_while_a_debugger_is_attached(untraced: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (is_attached(), seen()) == (False, USUAL_S)

    with monkeypatch.context() as attached:
        attached.setitem(sys.modules, "debugpy", ModuleType("debugpy"))
        assert (is_attached(), seen()) == (True, DAY_S)

    assert seen() == USUAL_S


def test_tracer_is_a_debugger(untraced: None) -> None:
    sys.settrace(lambda frame, event, argument: None)

    assert is_attached()
