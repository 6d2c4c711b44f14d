"""Each public name says what it is: its docstring is its entry in the API reference."""

import inspect
from collections.abc import Iterator

import pytest

import org_common
import org_common.testing

# Names that are not yet documented. One that is must leave this list.
NOT_YET = frozenset(
    {
        "org_common.Database.close",
    }
)


def names() -> Iterator[tuple[str, object]]:
    """The public functions and classes, and the public methods and properties that the classes define."""
    for module in (org_common, org_common.testing):
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isfunction(value) or inspect.isclass(value):
                yield f"{module.__name__}.{name}", value
            for member, defined in members(value):
                yield f"{module.__name__}.{name}.{member}", defined


def members(value: object) -> Iterator[tuple[str, object]]:
    if not inspect.isclass(value):
        return
    for name, defined in vars(value).items():
        if not name.startswith("_") and isinstance(unwrapped := unwrap(defined), (property, type(unwrap))):
            yield name, unwrapped


def unwrap(defined: object) -> object:
    return defined.__func__ if isinstance(defined, (classmethod, staticmethod)) else defined


NAMES = dict(names())


def is_documented(name: str) -> bool:
    value = NAMES[name]
    doc = value.__doc__ or ""
    # `Deadline(until_s)`, as the standard library writes for a NamedTuple or dataclass without one, says nothing.
    return bool(doc.strip()) and not doc.startswith(f"{getattr(value, '__name__', '')}(")


@pytest.mark.parametrize("name", NAMES)
def test_public_name_has_a_docstring(name: str) -> None:
    assert is_documented(name) is (name not in NOT_YET)


def test_exceptions_are_there() -> None:
    assert NAMES.keys() >= NOT_YET
