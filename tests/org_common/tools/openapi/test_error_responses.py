from collections.abc import Callable
from typing import Any

import pytest

from org_common import (
    PUBLIC,
    SIGNED_IN,
    TOKEN,
    App,
    Conflict,
    OrgError,
    Precondition,
    Reader,
    Request,
    TooManyRequests,
    Transaction,
)
from org_common.tools.openapi import error_responses
from tests.org_common.tools.openapi import shelf, shop

# The errors of every route: an unknown query parameter, a malformed one, an internal error.
ALWAYS = [400, 422, 500]


class Teapot(OrgError):
    status = 418
    title = "I'm a teapot"
    code = "teapot"
    detail = "Short and stout."


def statuses(handler: Callable[..., Any], **options: Any) -> list[int]:
    app = App("test")
    app.post("/things", **{"allow": PUBLIC, **options})(handler)
    return list(error_responses.error_types(app, app.routes[0]))


def nothing() -> None:
    return None


def brew() -> None:
    raise Teapot


def test_route_without_anything_responds_little() -> None:
    assert statuses(nothing) == ALWAYS


def test_token_may_be_missing() -> None:
    assert statuses(nothing, allow=TOKEN) == sorted([*ALWAYS, 401])


def test_rule_may_refuse_and_the_database_may_be_away() -> None:
    assert statuses(nothing, allow=SIGNED_IN) == sorted([*ALWAYS, 401, 403, 503, 504])


def test_reader_without_a_wanted_row_finds_always() -> None:
    def handler(db: Reader) -> object:
        return db.all(dict, "select 1")  # type: ignore[type-var]

    assert 404 not in statuses(handler, allow=SIGNED_IN)


def test_wanted_row_may_be_missing() -> None:
    def handler(db: Reader) -> object:
        return db.one(dict, "select 1")  # type: ignore[type-var]

    assert 404 in statuses(handler, allow=SIGNED_IN)


def test_write_may_conflict() -> None:
    def handler(tx: Transaction) -> None:
        return None

    assert 409 in statuses(handler, allow=SIGNED_IN)


def test_body_may_be_too_large_or_of_another_kind() -> None:
    def handler(body: shop.NewOrder) -> None:
        return None

    assert {413, 415} <= set(statuses(handler))


def test_errors_that_a_handler_names_are_there() -> None:
    def handler() -> None:
        raise TooManyRequests

    assert 429 in statuses(handler)


def test_errors_of_functions_that_it_calls_are_there() -> None:
    def through_a_module() -> None:
        shelf.take(3)

    def by_name() -> None:
        calls = [brew for _ in range(3)]
        calls[0]()

    assert 409 in statuses(through_a_module)
    assert 418 in statuses(by_name)


def test_errors_of_a_function_around_it_are_there() -> None:
    kind = Conflict

    def handler() -> None:
        raise kind

    assert 409 in statuses(handler)


def test_declared_errors_are_there() -> None:
    assert 418 in statuses(nothing, raises=[Teapot])


def test_what_the_app_gives_may_refuse() -> None:
    [login] = [route for route in shop.app.routes if route.path == "/login"]

    assert 429 in error_responses.error_types(shop.app, login)


def test_responds_of_error_handlers_are_those_of_every_route() -> None:
    assert all(406 in error_responses.error_types(shop.app, route) for route in shop.app.routes)


def test_change_for_one_state_may_come_too_late() -> None:
    def handler(precondition: Precondition) -> None:
        return None

    assert {412, 428} <= set(statuses(handler))


def test_response_with_content_may_be_too_large() -> None:
    def handler() -> list[str]:
        return []

    assert 413 in statuses(handler)


class Verifier:
    """Verifies tokens itself."""

    needs_authorizer = False

    def identity(self, request: Request) -> None:
        return None


def test_keys_of_who_verifies_tokens_himself_may_be_away() -> None:
    app = App("test", identity=Verifier())
    app.get("/", allow=TOKEN)(nothing)

    assert list(error_responses.error_types(app, app.routes[0])) == sorted([*ALWAYS, 401, 503])


def test_components_have_words_and_headers() -> None:
    made = error_responses.components(
        {401: error_responses.TYPES_BY_STATUS[401], 418: Teapot, 503: error_responses.TYPES_BY_STATUS[503]}
    )

    assert list(made) == ["Teapot", "Unauthorized", "Unavailable"]
    assert made["Teapot"]["description"] == "Short and stout."
    assert made["Unauthorized"]["headers"]["WWW-Authenticate"]["required"] is True
    assert "Retry-After" in made["Unavailable"]["headers"]


@pytest.mark.parametrize("status", sorted(error_responses.TYPES_BY_STATUS))
def test_status_has_its_plainest_class(status: int) -> None:
    assert error_responses.TYPES_BY_STATUS[status].status == status
    assert error_responses.TYPES_BY_STATUS[503].__name__ == "Unavailable"
    assert error_responses.name(error_responses.TYPES_BY_STATUS[500]) == "InternalServerError"
