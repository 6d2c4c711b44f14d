"""Reads server-sent events, for tests (HTML standard, section 9.2.6)."""

from __future__ import annotations

from org_common.http.sse import Event


class EventReader:
    """Reads an event stream that arrives in pieces. An `Event` has the fields that were sent; its data is a string."""

    def __init__(self) -> None:
        self._rest = b""
        self._is_start = True
        self._lines: list[bytes] = []

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that end within these bytes. One without its blank line is incomplete, and is none."""
        self._rest += chunk
        if self._is_start and len(self._rest) >= 3:
            self._is_start = False
            self._rest = self._rest.removeprefix(b"\xef\xbb\xbf")
        events: list[Event] = []
        while (line := self._next_line()) is not None:
            if line:
                self._lines.append(line)
                continue
            event = _event(self._lines)
            self._lines = []
            if event is not None:
                events.append(event)
        return events

    def _next_line(self) -> bytes | None:
        """The next complete line, without its end: CR, LF or both."""
        ends = [at for at in (self._rest.find(b"\n"), self._rest.find(b"\r")) if at >= 0]
        if not ends:
            return None
        at = min(ends)
        end = at + 1
        if self._rest[at:end] == b"\r":
            if end == len(self._rest):
                # Its LF may be in the next piece.
                return None
            end += self._rest[end : end + 1] == b"\n"
        line, self._rest = self._rest[:at], self._rest[end:]
        return line


def read_events(body: bytes) -> list[Event]:
    """The events of a complete body."""
    # A CR at the end is followed by nothing.
    return EventReader().feed(body + b"\n" if body.endswith(b"\r") else body)


def _event(lines: list[bytes]) -> Event | None:
    """The event of these lines; None without data, as browsers dispatch no such event."""
    data: list[str] = []
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.decode(errors="replace").partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            data.append(value)
        elif name == "event" or (name == "id" and "\0" not in value) or (name == "retry" and value.isdecimal()):
            fields[name] = value
    if not data:
        return None
    retry = int(fields["retry"]) if "retry" in fields else None
    return Event("\n".join(data), fields.get("event"), fields.get("id"), retry)
