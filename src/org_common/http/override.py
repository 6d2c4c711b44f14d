"""A value in place of what `provide` gives, for a while. Imported by tests."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

TYPE_CHECKING = False

if TYPE_CHECKING:
    from types import TracebackType

T = TypeVar("T")


class Override(Generic[T]):
    """`with` gives the value; at its end the type is provided as before."""

    def __init__(self, provided: dict[type, Any], kind: type[T], value: T) -> None:
        """`TypeError` for a type that nobody provides."""
        if kind not in provided:
            raise TypeError(
                f"override({kind.__name__}): nobody provides it. Call app.provide({kind.__name__}, …) first"
            )
        self._provided = provided
        self._kind = kind
        self._value = value
        self._before: list[Any] = []

    def __enter__(self) -> T:
        value = self._value
        self._before.append(self._provided[self._kind])
        self._provided[self._kind] = lambda request: value
        return value

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._provided[self._kind] = self._before.pop()
