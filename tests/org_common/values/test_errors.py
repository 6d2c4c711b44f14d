"""Status, code and title of each error are what clients program against."""

import pytest

from org_common.values import errors
from org_common.values.errors import (
    BadRequest,
    CommitUnknown,
    Conflict,
    Fault,
    Forbidden,
    GatewayTimeout,
    Gone,
    MethodNotAllowed,
    NotAcceptable,
    NotFound,
    OrgError,
    PayloadTooLarge,
    PreconditionFailed,
    PreconditionRequired,
    ResponseTooLarge,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    Unprocessable,
    UnsupportedMediaType,
)

# Titles are RFC 9110's (section 15) and RFC 6585's.
TABLE: dict[type[OrgError], tuple[int, str, str]] = {
    OrgError: (500, "internal_error", "Internal Server Error"),
    BadRequest: (400, "bad_request", "Bad Request"),
    Unauthorized: (401, "unauthorized", "Unauthorized"),
    Forbidden: (403, "forbidden", "Forbidden"),
    NotFound: (404, "not_found", "Not Found"),
    MethodNotAllowed: (405, "method_not_allowed", "Method Not Allowed"),
    NotAcceptable: (406, "not_acceptable", "Not Acceptable"),
    Conflict: (409, "conflict", "Conflict"),
    Gone: (410, "gone", "Gone"),
    PreconditionFailed: (412, "precondition_failed", "Precondition Failed"),
    PayloadTooLarge: (413, "payload_too_large", "Content Too Large"),
    ResponseTooLarge: (413, "response_too_large", "Content Too Large"),
    UnsupportedMediaType: (415, "unsupported_media_type", "Unsupported Media Type"),
    Unprocessable: (422, "validation_failed", "Unprocessable Content"),
    PreconditionRequired: (428, "precondition_required", "Precondition Required"),
    TooManyRequests: (429, "too_many_requests", "Too Many Requests"),
    Unavailable: (503, "unavailable", "Service Unavailable"),
    CommitUnknown: (503, "commit_unknown", "Service Unavailable"),
    GatewayTimeout: (504, "timeout", "Gateway Timeout"),
}
ERRORS = [pytest.param(kind, id=kind.__name__) for kind in TABLE]


@pytest.mark.parametrize("kind", ERRORS)
def test_error_has_its_status_code_and_title(kind: type[OrgError]) -> None:
    assert (kind.status, kind.code, kind.title) == TABLE[kind]


def test_table_holds_every_error_of_the_module() -> None:
    public = {each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, OrgError)}

    assert public == TABLE.keys()


def test_no_two_errors_share_a_code() -> None:
    codes = [kind.code for kind in TABLE]

    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("kind", ERRORS)
def test_error_needs_no_arguments_and_speaks_in_a_sentence(kind: type[OrgError]) -> None:
    error = kind()

    assert str(error) == error.detail
    assert error.detail.endswith(".")


@pytest.mark.parametrize("kind", ERRORS)
def test_detail_and_code_can_be_given(kind: type[OrgError]) -> None:
    error = kind("You were not invited.", code="not_invited")

    assert (error.detail, error.code, str(error)) == ("You were not invited.", "not_invited", "You were not invited.")
    assert error.status == TABLE[kind][0]


def test_given_words_stay_with_their_error() -> None:
    NotFound("No such org.", code="no_org")

    assert (NotFound().detail, NotFound().code) == ("There is no such resource.", "not_found")


def test_unauthorized_says_how_to_authenticate() -> None:
    assert Unauthorized().headers == {"WWW-Authenticate": "Bearer"}


def test_unavailable_says_when_to_try_again() -> None:
    assert Unavailable().headers == {"Retry-After": "1"}
    assert Unavailable(retry_after_s=30).headers == {"Retry-After": "30"}


def test_unknown_commit_does_not_invite_a_blind_retry() -> None:
    assert CommitUnknown().headers == {}


def test_headers_of_one_error_are_not_those_of_the_next() -> None:
    given = {"Allow": "GET"}

    assert MethodNotAllowed(headers=given).headers == given
    assert MethodNotAllowed().headers == {}


def test_faults_are_kept_in_order() -> None:
    first, second = Fault("body", "#/a", "Wrong.", "wrong"), Fault("query", "#/b", "Missing.", "missing")

    error = Unprocessable(errors=[first, second])

    assert error.errors == (first, second)


def test_fault_says_where_and_what() -> None:
    fault = Fault("body", "#/name", "Field required", "missing")

    assert fault.as_dict() == {"in": "body", "pointer": "#/name", "detail": "Field required", "code": "missing"}


def test_every_error_is_caught_as_org_error() -> None:
    with pytest.raises(OrgError):
        raise GatewayTimeout


def test_own_error_needs_only_its_words() -> None:
    class NotInvited(Forbidden):
        code = "not_invited"
        detail = "Ask an admin for an invitation."

    error = NotInvited()

    assert (error.status, error.code, error.detail) == (403, "not_invited", "Ask an admin for an invitation.")
