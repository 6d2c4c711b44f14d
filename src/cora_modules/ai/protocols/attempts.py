"""Attempts: a call of a provider is repeated inside its deadline, and not made while the provider is down."""

from collections.abc import Callable
from typing import Any, TypeVar

from org_common import Deadline

from cora_modules.ai.protocols.circuit import Circuit, CircuitOpen
from cora_modules.ai.provider import ProviderError

T = TypeVar("T")

ATTEMPTS = 3
PAUSE_S, MAX_PAUSE_S = 0.25, 8.0


class Attempts:
    """Makes calls of one provider. A repetition waits for a random time that grows, or as long as the provider asks."""

    def __init__(self, circuit: Circuit, pause_s: float = PAUSE_S) -> None:
        self.circuit = circuit
        self._pause_s = pause_s

    def make(self, call: Callable[[], T], deadline: Deadline) -> T:
        """What `call` returns. It is repeated after a temporary error, while the pause ends before the deadline.

        Raises ProviderError. The caller reports success to the circuit: a stream has succeeded at its end.
        """
        from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_before_delay
        from tenacity.wait import wait_random_exponential

        grown = wait_random_exponential(multiplier=self._pause_s, max=MAX_PAUSE_S)

        def pause_s(state: Any) -> float:
            error = state.outcome.exception()
            return max(grown(state), getattr(error, "retry_after_s", None) or 0.0)

        retrying = Retrying(
            retry=retry_if_exception(_may_repeat),
            wait=pause_s,
            stop=stop_after_attempt(ATTEMPTS) | stop_before_delay(max(deadline.left_s(), 0)),
            reraise=True,
        )
        result: T = retrying(self._once, call, deadline)
        return result

    def _once(self, call: Callable[[], T], deadline: Deadline) -> T:
        if deadline.left_s() <= 0:
            raise ProviderError("timeout", "no time is left for the call")
        self.circuit.admit()
        try:
            return call()
        except ProviderError as error:
            self.circuit.failed(error)
            raise


def _may_repeat(error: BaseException) -> bool:
    return isinstance(error, ProviderError) and error.is_temporary and not isinstance(error, CircuitOpen)
