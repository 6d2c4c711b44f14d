"""Small types that every layer uses: the deadline, and the arguments of a Lambda function."""

import time

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any, Protocol

    # An event or its response: JSON of API Gateway, the one place where `Any` enters.
    Event = dict[str, Any]

    class LambdaContext(Protocol):
        """The part of the Lambda runtime's context object that the SDK uses."""

        @property
        def aws_request_id(self) -> str:
            """The id of the invocation."""
            ...

        def get_remaining_time_in_millis(self) -> int:
            """The time until Lambda ends the invocation."""
            ...


class Deadline:
    """The time by which the response must be sent. Injectable: annotate a parameter of your handler with it."""

    __slots__ = ("at_s",)
    injected = "deadline"

    at_s: float
    """The deadline on the clock of `time.monotonic()`."""

    def __init__(self, at_s: float) -> None:
        self.at_s = at_s

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """The deadline that many seconds from now."""
        return cls(time.monotonic() + seconds)

    def left_s(self) -> float:
        """Seconds left; negative once the deadline has passed."""
        return self.at_s - time.monotonic()


class LocalContext:
    """A Lambda context outside of Lambda, for the local server and tests."""

    def __init__(self, request_id: str, timeout_s: float, *, tenant_id: str | None = None) -> None:
        self.aws_request_id = request_id
        self.tenant_id = tenant_id
        self._deadline = Deadline.after(timeout_s)

    def get_remaining_time_in_millis(self) -> int:
        """The time until the timeout; negative once it has passed."""
        return int(self._deadline.left_s() * 1000)
