"""The base of values that do not change after construction."""


class Frozen:
    """A value whose attributes its constructor sets, and nothing else. Changing one raises `AttributeError`."""

    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable: cannot set {name!r}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable: cannot delete {name!r}")

    def _fill(self, **values: object) -> None:
        """Set the attributes, for the constructor of a subclass."""
        for name, value in values.items():
            object.__setattr__(self, name, value)
