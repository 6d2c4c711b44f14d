"""Small types that every layer may use: the deadline, and what Lambda hands to a function."""

import time

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any, Protocol

    # An event and its answer are JSON of API Gateway's making: the one place where `Any` enters.
    Event = dict[str, Any]

    class LambdaContext(Protocol):
        """What is used of the context object of the Lambda runtime."""

        @property
        def aws_request_id(self) -> str: ...

        def get_remaining_time_in_millis(self) -> int: ...


class Deadline:
    """The moment by which the answer must be on its way. Injectable: name it in a handler's signature.

    `at_s` is on the clock of `time.monotonic()`.
    """

    __slots__ = ("at_s",)
    injected = "deadline"

    def __init__(self, at_s: float) -> None:
        self.at_s = at_s

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        return cls(time.monotonic() + seconds)

    def left_s(self) -> float:
        """Seconds left; negative once the deadline has passed."""
        return self.at_s - time.monotonic()


class LocalContext:
    """What Lambda's context object says of a request, where there is no Lambda: the local server and tests."""

    def __init__(self, request_id: str, timeout_s: float, *, tenant_id: str | None = None) -> None:
        self.aws_request_id = request_id
        self.tenant_id = tenant_id
        self._deadline = Deadline.after(timeout_s)

    def get_remaining_time_in_millis(self) -> int:
        return int(self._deadline.left_s() * 1000)
