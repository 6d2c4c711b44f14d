"""Circuit breakers: a provider that is down is not called for a while, so that callers do not wait for it."""

import threading
import time
from collections.abc import Callable, Hashable

from cora_modules.ai.provider import ProviderError

FAILURES = 5
"""After so many failures in a row, the provider counts as down."""
COOLDOWN_S = 30.0
"""So long it is not called then. After that, one call is let through at a time, as a probe."""
# The provider is up if it throttles or refuses.
_DOWN = frozenset({"unavailable", "timeout", "cut"})


class CircuitOpen(ProviderError):
    """The provider was down a moment ago and is not called."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("unavailable", "the provider was down a moment ago", retry_after_s=retry_after_s)


class Circuit:
    """Closed: calls pass. Open until a time: calls are refused. Then one call passes and decides.

    A probe holds no state that it would have to give back: a caller that hangs up, and reports neither success nor
    failure, only delays the next probe.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._open_until_s = 0.0

    def admit(self) -> None:
        """Return if a call may be made. Raises CircuitOpen."""
        with self._lock:
            if self._failures < FAILURES:
                return
            now_s = self._clock()
            if now_s < self._open_until_s:
                raise CircuitOpen(self._open_until_s - now_s)
            self._open_until_s = now_s + COOLDOWN_S

    def succeeded(self) -> None:
        """A call has succeeded."""
        with self._lock:
            self._failures = 0

    def failed(self, error: ProviderError) -> None:
        """A call has failed. Counts only what shows that the provider is down."""
        with self._lock:
            if error.kind in _DOWN:
                self._failures += 1
                self._open_until_s = self._clock() + COOLDOWN_S
            else:
                self._failures = 0


_circuits: dict[Hashable, Circuit] = {}


def circuit_of(*provider: Hashable) -> Circuit:
    """The circuit of a provider, which all calls of this process share."""
    return _circuits.setdefault(provider, Circuit())


def reset_circuits() -> None:
    """Close all circuits. For tests."""
    _circuits.clear()
