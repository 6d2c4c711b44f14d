"""The signature of a handler. Signatures that are refused are in tests/org_common/test_route.py."""

from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any
from uuid import UUID

import pytest

from org_common import Deadline, Header, Identity, Model, PageRequest, Query, Reader, Request
from org_common.handlers.signature import Signature, is_model


class New(Model):
    name: str


def everything(
    db: Reader,
    org_id: UUID,
    body: New,
    who: Identity,
    request: Request,
    deadline: Deadline,
    page: PageRequest,
    is_open: bool = False,
    x_trace_id: Annotated[str | None, Header()] = None,
    largest: Annotated[int, Query("max", ge=1)] = 5,
) -> New:
    return body


def test_each_parameter_has_its_kind() -> None:
    signature = Signature(everything, ["org_id"])

    assert {parameter.name: parameter.kind for parameter in signature.parameters} == {
        "db": "reader",
        "org_id": "path",
        "body": "body",
        "who": "identity",
        "request": "request",
        "deadline": "deadline",
        "page": "page",
        "is_open": "query",
        "x_trace_id": "header",
        "largest": "query",
    }


def test_each_parameter_has_its_wire_name() -> None:
    signature = Signature(everything, ["org_id"])
    wire_names = {parameter.name: parameter.wire_name for parameter in signature.parameters}

    assert (wire_names["org_id"], wire_names["is_open"], wire_names["x_trace_id"], wire_names["largest"]) == (
        "orgId",
        "isOpen",
        "x-trace-id",
        "max",
    )


def test_result_is_the_return_annotation() -> None:
    assert Signature(everything, ["org_id"]).result is New


def test_injected_parameters_are_found_by_kind() -> None:
    signature = Signature(everything, ["org_id"])

    assert (signature.injects("reader"), signature.injects("transaction")) == (0, None)


def test_undecorated_function_is_called_by_position() -> None:
    assert Signature(everything, ["org_id"]).call is everything


def test_keyword_only_parameters_are_called_by_name() -> None:
    def handler(org_id: UUID, *, limit: int = 5) -> tuple[UUID, int]:
        return org_id, limit

    assert Signature(handler, ["org_id"]).call(UUID(int=1), 7) == (UUID(int=1), 7)


def test_decorator_is_called_by_name() -> None:
    def traced(handler: Any) -> Any:
        @wraps(handler)
        def wrapper(**arguments: Any) -> Any:
            return handler(**arguments)

        return wrapper

    @traced
    def handler(org_id: UUID, limit: int = 5) -> tuple[UUID, int]:
        return org_id, limit

    assert Signature(handler, ["org_id"]).call(UUID(int=1), 7) == (UUID(int=1), 7)


def test_decorated_handler_keeps_its_signature() -> None:
    def logged(handler: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(handler)
        def inner(*args: Any, **kwargs: Any) -> Any:
            return handler(*args, **kwargs)

        return inner

    signature = Signature(logged(everything), ["org_id"])

    assert {parameter.name for parameter in signature.parameters if not parameter.required} == {
        "is_open",
        "x_trace_id",
        "largest",
    }


@pytest.mark.parametrize(("annotation", "expected"), [(New, True), (Model, True), (str, False), (New(name="a"), False)])
def test_models_are_distinguished_from_other_types(annotation: object, expected: bool) -> None:
    assert is_model(annotation) is expected
