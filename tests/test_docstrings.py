"""Each public name says what it is: its docstring is its entry in the API reference."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import pytest

import cora_modules
import org_common
import org_common.testing


def names() -> Iterator[tuple[str, object]]:
    """The public functions and classes, and the public methods and properties that the classes define."""
    for module in (org_common, org_common.testing):
        for name in module.__all__:
            yield from documented(f"{module.__name__}.{name}", getattr(module, name))
    # The modules have no facade: public is what a file defines without a leading underscore.
    for info in pkgutil.walk_packages(cora_modules.__path__, "cora_modules."):
        for name, value in vars(importlib.import_module(info.name)).items():
            if not name.startswith("_") and getattr(value, "__module__", None) == info.name:
                yield from documented(f"{info.name}.{name}", value)


def documented(name: str, value: object) -> Iterator[tuple[str, object]]:
    """What needs a docstring: a function, or a class with its methods and properties."""
    if inspect.isfunction(value) or inspect.isclass(value):
        yield name, value
    for member, defined in members(value):
        yield f"{name}.{member}", defined


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
    assert is_documented(name)
