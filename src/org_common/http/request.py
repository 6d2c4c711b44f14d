"""One HTTP request, whatever event it came in."""

from collections.abc import Mapping, Sequence

from org_common.values.types import Deadline

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from org_common.events.event_source import EventSource
    from org_common.values.types import Event, LambdaContext


class Request:
    """Injectable: name it in a handler's signature when the typed parameters are not enough.

    `path` is as the app's routes see it, decoded; `sent_path` as the caller wrote it, with the API's stage or base
    path in front. `query` is the query string, not decoded. Header names are lower case, and repeated headers are
    joined with commas.

    `authorizer` is what the API's authorizer passed on, as the event has it (`requestContext.authorizer`); None
    without one. `tenant_id` is that of Lambda's tenant isolation, from the invocation's context; None without it.
    """

    # A plain class: a frozen dataclass of this size takes four times as long to make (measured: 0.55 / 0.14 us).
    __slots__ = (
        "_cookies",
        "_deadline",
        "authorizer",
        "body",
        "event",
        "headers",
        "id",
        "method",
        "path",
        "query",
        "sent_path",
        "tenant_id",
    )
    injected = "request"

    def __init__(
        self,
        method: str,
        path: str,
        sent_path: str,
        query: str,
        headers: Mapping[str, str],
        body: bytes,
        id: str,
        authorizer: "Mapping[str, Any] | None",
        deadline: "Deadline | LambdaContext",
        tenant_id: str | None = None,
        cookies: Sequence[str] | None = None,
    ) -> None:
        self.method = method
        self.path = path
        self.sent_path = sent_path
        self.query = query
        self.headers = headers
        self.body = body
        self.id = id
        self.authorizer = authorizer
        self._deadline = deadline
        self.tenant_id = tenant_id
        self._cookies = cookies
        # In which event it came, for whoever must know how its answer goes out; None where it came in none.
        self.event: tuple[EventSource, Event] | None = None

    @property
    def deadline(self) -> Deadline:
        """When the answer must be on its way. Lambda's context is asked when somebody wants to know: most do not."""
        deadline = self._deadline
        if not isinstance(deadline, Deadline):
            deadline = self._deadline = Deadline.after(deadline.get_remaining_time_in_millis() / 1000)
        return deadline

    @property
    def cookies(self) -> dict[str, str]:
        """Names to values, not decoded. Of a name that was sent twice the first counts: it has the longer path."""
        sent = self._cookies
        if sent is None:
            sent = self.headers.get("cookie", "").split(";")
        cookies: dict[str, str] = {}
        for each in sent:
            name, equals, value = each.partition("=")
            if equals and name.strip():
                cookies.setdefault(name.strip(), value.strip())
        return cookies
