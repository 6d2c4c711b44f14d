"""`Capture`: what a request leaves behind while it is handled, as references. A reader makes a record of it later."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence

from org_common.db.protocol.parameter_names import is_withheld
from org_common.db.protocol.statement import Wire
from org_common.http.request import Request
from org_common.http.response import Response
from org_common.pipeline import Pipeline
from org_common.route import Route
from org_common.telemetry.causes import message_of
from org_common.telemetry.line import stamp
from org_common.telemetry.redaction import Redactor
from org_common.telemetry.request_text import MAX_PATH_LENGTH
from org_common.tools.database.tap import RoundTrip
from org_common.tools.serve.console.record import MAX_ROUND_TRIPS, RequestRecord, RoundTripRecord, verdict
from org_common.values.identity import Identity

TYPE_CHECKING = False

if TYPE_CHECKING:
    from org_common.http.observer import RouteName

# What a request may hold in memory, by body and by round trip. Beyond it, the record is there and its values are not.
MAX_BYTES = 256 * 1024
# The header of a request that the console itself sends.
MARK = "x-console-request"
_redactor = Redactor()


class CapturedTrip:
    """A round trip: what was sent, and the number of rows that came back. It holds no result."""

    __slots__ = ("began_ms", "error", "has_values", "rows", "statements", "took_ms", "verdict", "withheld")

    def __init__(self, trip: RoundTrip, began_ms: float) -> None:
        self.statements: Sequence[Wire] = trip.statements
        self.rows: list[int] = [int(result.ntuples or result.command_tuples or 0) for result in trip.results]
        self.withheld: list[bool] = [is_withheld(statement[0]) for statement in trip.statements]
        """By statement: whether its SQL holds values. Read at once, because what is known of a statement expires."""
        self.verdict: str | None = trip.verdict
        self.error: str | None = None if trip.error is None else message_of(trip.error)
        self.began_ms: float = began_ms
        self.took_ms: float = trip.took_ms
        self.has_values: bool = True
        if sum([len(value) for each in trip.statements for value in (each[0], *each[1]) if value]) > MAX_BYTES:
            self.trim()

    def trim(self) -> None:
        """Let go of the values of parameters, and of the rest of a long statement."""
        if self.has_values:
            self.has_values = False
            self.statements = [(command[:MAX_BYTES], [], (), []) for command, *_ in self.statements]

    def ran(self, at: int) -> int | None:
        """Rows of the statement at this position; None if it did not run, or failed."""
        return self.rows[at] if at < len(self.rows) else None


class Capture:
    """One request, from its first step on. The observer fills it in, and the recorder gives it an id."""

    __slots__ = (
        "at_s",
        "began_s",
        "body",
        "code",
        "headers",
        "id",
        "identity",
        "method",
        "path",
        "pipeline",
        "query",
        "response",
        "response_type",
        "route",
        "sent_path",
        "status",
        "took_ms",
        "trip_count",
        "trips",
    )

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline: Pipeline = pipeline
        self.at_s: float = time.time()
        self.began_s: float = time.perf_counter()
        self.id: int = 0
        self.method: str | None = None
        """None until the event was read as a request."""
        self.path: str = ""
        self.sent_path: str = ""
        self.query: str = ""
        self.headers: Mapping[str, str] = {}
        self.body: bytes | None = None
        """The body as it was sent; None if it is too long to keep, or was trimmed."""
        self.route: RouteName | None = None
        self.identity: Identity | None = None
        self.status: int = 0
        self.code: str | None = None
        self.response: bytes | None = None
        """The body of the response, under the same limits."""
        self.response_type: str = ""
        self.took_ms: float = 0.0
        self.trip_count: int = 0
        self.trips: list[CapturedTrip] = []

    def read(self, request: Request) -> None:
        """Take over what the request consists of: the request itself refers to observers."""
        self.method, self.path, self.sent_path = request.method, request.path, request.sent_path
        self.query, self.headers = request.query, request.headers
        self.body = request.body if len(request.body) <= MAX_BYTES else None

    def responded(self, response: Response) -> None:
        """Take over the response. The last one counts."""
        self.status = response.status
        if response.status < 400:
            self.code = None
        self.response_type = response.headers.get("content-type", "")
        self.response = None if response.is_stream or len(response.body) > MAX_BYTES else response.body

    def add(self, trip: RoundTrip) -> None:
        """The request has made this round trip."""
        self.trip_count += 1
        if len(self.trips) < MAX_ROUND_TRIPS:
            self.trips.append(CapturedTrip(trip, self.age_ms() - trip.took_ms))

    def age_ms(self) -> float:
        """Milliseconds since the request began."""
        return (time.perf_counter() - self.began_s) * 1000

    def trim(self) -> None:
        """Let go of bodies and values, which newer requests need the memory for."""
        self.body = self.response = None
        for trip in self.trips:
            trip.trim()

    def record(self, people: Mapping[str, str]) -> RequestRecord:
        """What the console shows of it. `people` are the names of the demo users, by subject claim."""
        # A request without a valid token is refused before its route is looked up.
        route = self.route or self.pipeline.find_route(self.method or "", self.path)
        rule = route.rule if isinstance(route, Route) else None
        identity = self.identity
        trips = [RoundTripRecord.of(trip) for trip in self.trips]
        return RequestRecord(
            id=self.id,
            at=stamp(self.at_s),
            method=self.method or "",
            path=_redactor.text(self.sent_path[:MAX_PATH_LENGTH]),
            route=None if route is None else f"{route.method} {route.path}",
            rule=None if rule is None else rule.name,
            verdict=verdict(rule, self.status, trips),
            person=None if identity is None else people.get(identity.subject),
            role=None if rule is None else rule.role,
            claims=None if identity is None or rule is None else json.loads(identity.claims(rule.role)),
            status=self.status,
            code=self.code,
            took_ms=round(self.took_ms, 3),
            round_trip_count=self.trip_count,
            round_trips=trips,
        )
