"""A value in place of what `provide` gives, for a while. Imported by tests."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

TYPE_CHECKING = False

if TYPE_CHECKING:
    from types import TracebackType

T = TypeVar("T")


class _Given:
    """Stands where a factory stood."""

    __slots__ = ("before", "value")

    def __init__(self, value: object, before: Any) -> None:
        self.value = value
        self.before = before

    def __call__(self, request: object) -> object:
        return self.value


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
        self._given: list[_Given] = []

    def __enter__(self) -> T:
        given = _Given(self._value, self._provided[self._kind])
        self._given.append(given)
        self._provided[self._kind] = given
        return self._value

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        ended = self._given.pop()
        last = self._provided[self._kind]
        if last is ended:
            self._provided[self._kind] = ended.before
            return
        # Another one has begun since, and goes on.
        while last.before is not ended:
            last = last.before
        last.before = ended.before
