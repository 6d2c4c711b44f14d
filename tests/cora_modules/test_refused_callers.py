"""A refused caller causes no effect on any route of any module, and a repeated request no second one."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import pytest

import cora_modules
from org_common import App, Forbidden
from org_common.route import Route
from org_common.tools.project import apps
from org_common.tools.project.project import Project

ROOT = Path(__file__).parents[2]
MODULES = str(Path(cora_modules.__file__).parent)
ROUTES = [(app, route) for app in apps.load(Project.find(ROOT)) for route in app.routes]


class Refusing:
    """A `Reader` or `Transaction` whose rule refuses, as the route's own would with the first statement."""

    def refuse(self, *values: object, **named: object) -> NoReturn:
        raise Forbidden

    all = many = maybe = one = page = run = value = refuse


@contextmanager
def called_functions(calls: list[str]) -> Iterator[None]:
    """Records each function of the modules that runs."""

    def profile(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(MODULES):
            calls.append(frame.f_code.co_name)

    sys.setprofile(profile)
    try:
        yield
    finally:
        sys.setprofile(None)


def argument_for(kind: str, annotation: Any) -> Any:
    if kind in ("reader", "transaction"):
        return Refusing()
    if kind in ("body", "form"):
        return annotation.model_construct(**dict.fromkeys(annotation.__pydantic_fields__))
    return None if annotation is None else Any


class Person:
    """An identity of which every attribute is the same string."""

    def __getattr__(self, name: str) -> str:
        return name


@pytest.mark.parametrize(("app", "route"), ROUTES, ids=[f"{app.name} {r.method} {r.path}" for app, r in ROUTES])
def test_refused_caller_causes_no_effect(app: App, route: Route) -> None:
    effect = route.find_effect()
    if effect is not None:
        assert route.authorizes_first(), f"the handler {effect} before its rule"
        return
    arguments = [
        Person() if parameter.kind == "identity" else argument_for(parameter.kind, parameter.annotation)
        for parameter in route.signature.parameters
    ]
    calls: list[str] = []
    with called_functions(calls), pytest.raises(Forbidden):
        route.signature.call(*arguments)

    assert calls == [route.handler.__name__]


def test_all_routes_take_part() -> None:
    assert len(ROUTES) >= 26
