"""`Actions`: what the console does on a click. Each takes and returns JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from org_common.tools.openapi.explorer import Application
from org_common.tools.project.project import ToolError
from org_common.tools.serve.console.again import SentResponse, check_repeatable, send_again
from org_common.tools.serve.console.capture import Capture
from org_common.tools.serve.console.explain import explain
from org_common.tools.serve.console.panels import Panels
from org_common.tools.serve.console.people import People
from org_common.tools.serve.console.recorder import Recorder
from org_common.tools.serve.console.transaction import CapturedStatement, find
from org_common.tools.serve.console.viewers import viewers


class Actions:
    """Explains, repeats and compares what the recorder has. Each method raises `ToolError` that says why it cannot."""

    def __init__(
        self, recorder: Recorder, people: People, urls: Mapping[str, str] | None = None, panels: Panels | None = None
    ) -> None:
        """`urls` are those of `connected`; without them, statements cannot be repeated."""
        self._recorder = recorder
        self._people = people
        self._urls = urls
        self._panels = panels
        self.by_name: Mapping[str, Callable[[dict[str, Any]], Any]] = {
            "explain": self._explain,
            "viewers": self._viewers,
            "run": self._run,
        }
        """Each takes the body of a POST, and blocks."""

    def people(self) -> list[str]:
        """The names of the demo users."""
        return list(self._people.names)

    def panels(self) -> dict[str, Any]:
        """The panels, as JSON. Blocks."""
        return {} if self._panels is None else self._panels.read()

    async def again(self, application: Application, body: dict[str, Any]) -> dict[str, Any]:
        """Send the request `id` again as `person`, None for one without a token.

        Returns both responses, and the record of the new request.
        """
        capture, person = self._capture(body), body.get("person")
        check_repeatable(capture, is_confirmed=body.get("confirmed") is True)
        token = None if person is None else self._people.token(str(person))
        before = SentResponse.of(capture)
        now = await send_again(application, capture, token)
        record = self._recorder.sent_with(now.mark)
        return {
            "before": _shown(before),
            "now": _shown(now),
            "record": None if record is None else asdict(record),
        }

    def _capture(self, body: dict[str, Any]) -> Capture:
        id = body.get("id")
        found = self._recorder.find(id) if isinstance(id, int) else None
        if found is None:
            raise ToolError("this request is no longer in the memory of the server, which may have restarted")
        return found

    def _statement(self, body: dict[str, Any]) -> tuple[CapturedStatement, Mapping[str, str]]:
        if self._urls is None:
            raise ToolError("the console has no database")
        trip, statement = body.get("trip"), body.get("statement")
        if not (isinstance(trip, int) and isinstance(statement, int)):
            raise ToolError("trip and statement must be numbers")
        return find(self._capture(body), trip, statement), self._urls

    def _explain(self, body: dict[str, Any]) -> dict[str, Any]:
        return asdict(explain(*self._statement(body)))

    def _viewers(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        statement, urls = self._statement(body)
        return [asdict(each) for each in viewers(statement, self._people, urls)]

    def _run(self, body: dict[str, Any]) -> dict[str, Any]:
        if self._panels is None:
            raise ToolError("the console has no schedules")
        return self._panels.run(str(body.get("schedule")))


def _shown(response: SentResponse) -> dict[str, Any]:
    return {"status": response.status, "content_type": response.content_type, "body": response.body}
