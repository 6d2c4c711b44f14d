"""Overrides of dependencies that `App.provide` registered. Imported by tests."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

TYPE_CHECKING = False

if TYPE_CHECKING:
    from types import TracebackType

T = TypeVar("T")


class _FixedValue:
    """A factory that returns the override's value, and the factory that it replaces."""

    __slots__ = ("replaced", "value")

    def __init__(self, value: object, replaced: Any) -> None:
        self.value = value
        self.replaced = replaced

    def __call__(self, request: object) -> object:
        return self.value


class Override(Generic[T]):
    """A context manager: within it the app injects `value`, afterwards what the registered factory returns."""

    def __init__(self, provided: dict[type, Any], provided_type: type[T], value: T) -> None:
        """`TypeError` for a type that the app does not provide."""
        if provided_type not in provided:
            name = provided_type.__name__
            raise TypeError(
                f"override({name}): the app does not provide {name}. Call app.provide({name}, factory) first"
            )
        self._provided = provided
        self._type = provided_type
        self._value = value
        self._entered: list[_FixedValue] = []

    def __enter__(self) -> T:
        factory = _FixedValue(self._value, self._provided[self._type])
        self._entered.append(factory)
        self._provided[self._type] = factory
        return self._value

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        own = self._entered.pop()
        current = self._provided[self._type]
        if current is own:
            self._provided[self._type] = own.replaced
            return
        # A later override of the same type is still active: take this one out of the chain below it.
        while current.replaced is not own:
            current = current.replaced
        current.replaced = own.replaced
