"""The deltas of a provider's stream, which close their connection however they end."""

from collections.abc import Callable, Generator
from typing import Self

from cora_modules.ai.protocols.circuit import Circuit
from cora_modules.ai.provider import ProviderError


class Deltas:
    """The texts that `parts` yields.

    A generator that was never started does not run its `finally`, so `close` is a function of its own. The circuit
    learns how the stream ended, and nothing if the reader stops early.
    """

    def __init__(self, parts: Generator[str], close: Callable[[], None], circuit: Circuit) -> None:
        self._parts = parts
        self._close = close
        self._circuit = circuit

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        try:
            return next(self._parts)
        except StopIteration:
            self._circuit.succeeded()
            self._close()
            raise
        except BaseException as error:
            if isinstance(error, ProviderError):
                self._circuit.failed(error)
            self._close()
            raise

    def close(self) -> None:
        """Stop the answer, and close the connection."""
        self._parts.close()
        self._close()
