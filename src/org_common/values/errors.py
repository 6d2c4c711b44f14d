"""Errors that a handler raises and the app turns into RFC 9457 problem responses.

The status and a stable `code` are attributes of the class. `detail` is for the caller and never contains SQL, secrets
or another tenant's values. Chain the cause (`raise ... from error`): it goes to the log.
"""

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


# The most faults that are reported for one request.
MAX_FAULTS = 50
# What converting a value raises. pydantic does not catch the last one, for an interval of over 2.7 million years.
MISFIT = (ValueError, KeyError, OverflowError)


class Fault:
    """One invalid value of a request."""

    __slots__ = ("code", "detail", "pointer", "where")

    where: str
    """The part of the request: "body", "path", "query", "header" or "cookie"."""
    pointer: str
    """A JSON pointer (RFC 6901) into the body as a URI fragment, "#/name"; "#/limit" for the parameter `limit`."""
    detail: str
    """A sentence for people."""
    code: str
    """A stable code for programs."""

    def __init__(self, where: str, pointer: str, detail: str, code: str) -> None:
        self.where = where
        self.pointer = pointer
        self.detail = detail
        self.code = code

    def as_dict(self) -> dict[str, str]:
        """The entry in the list `errors` of a problem; `where` is called "in" there."""
        return {"in": self.where, "pointer": self.pointer, "detail": self.detail, "code": self.code}


class OrgError(Exception):
    """Ends the request with an error response. A plain `OrgError` is a 500: raise one of its subclasses."""

    status: int = 500
    """The HTTP status."""
    title: str = "Internal Server Error"
    """The name of the status, from RFC 9110 or RFC 6585."""
    code: str = "internal_error"
    """Stable, for programs. Example: "not_invited"."""
    detail: str = "Something went wrong on our side. The request id names the log entry."
    """A sentence for people."""
    errors: "tuple[Fault, ...]"
    """The invalid values, of a 422."""
    headers: "Mapping[str, str]"
    """Added to the response. Example: `Retry-After`."""

    def __init__(
        self,
        detail: str | None = None,
        *,
        code: str | None = None,
        errors: "Sequence[Fault]" = (),
        headers: "Mapping[str, str] | None" = None,
    ) -> None:
        super().__init__(detail or self.detail)
        if detail is not None:
            self.detail = detail
        if code is not None:
            self.code = code
        self.errors = tuple(errors)
        self.headers = headers or {}


class BadRequest(OrgError):
    """The request cannot be parsed: malformed JSON, a cursor of another route."""

    status = 400
    title = "Bad Request"
    code = "bad_request"
    detail = "The request could not be understood."


class Unauthorized(OrgError):
    """No identity, or one that is no longer valid. Never for a missing row."""

    status = 401
    title = "Unauthorized"
    code = "unauthorized"
    detail = "A valid access token is required."

    def __init__(self, detail: str | None = None, *, code: str | None = None) -> None:
        # RFC 9110 section 11.6.1: a 401 carries WWW-Authenticate.
        super().__init__(detail, code=code, headers={"WWW-Authenticate": "Bearer"})


class Forbidden(OrgError):
    """The caller is known and may see the resource, but may not do this to it."""

    status = 403
    title = "Forbidden"
    code = "forbidden"
    detail = "You are not allowed to do this."


class NotFound(OrgError):
    """No such resource, or none the caller may know of: a row hidden by RLS is not found, never forbidden."""

    status = 404
    title = "Not Found"
    code = "not_found"
    detail = "There is no such resource."


class MethodNotAllowed(OrgError):
    """The path exists, the method does not. Carries `Allow` (RFC 9110 section 15.5.6)."""

    status = 405
    title = "Method Not Allowed"
    code = "method_not_allowed"
    detail = "This resource does not support this method."


class NotAcceptable(OrgError):
    """No representation of the resource matches the `Accept` header."""

    status = 406
    title = "Not Acceptable"
    code = "not_acceptable"
    detail = "No representation matches the Accept header."


class Conflict(OrgError):
    """The request is well-formed but conflicts with stored data: a duplicate, a broken reference."""

    status = 409
    title = "Conflict"
    code = "conflict"
    detail = "The request conflicts with the current state of the resource."


class Gone(OrgError):
    """The resource existed and was permanently removed."""

    status = 410
    title = "Gone"
    code = "gone"
    detail = "This resource is no longer available."


class PreconditionFailed(OrgError):
    """The resource no longer has the ETag in `If-Match`."""

    status = 412
    title = "Precondition Failed"
    code = "precondition_failed"
    detail = "The resource has changed since it was read."


class PayloadTooLarge(OrgError):
    """The request body is larger than the app accepts."""

    status = 413
    title = "Content Too Large"
    code = "payload_too_large"
    detail = "The request body is too large."


class UnsupportedMediaType(OrgError):
    """The request body has a media type that the route does not read."""

    status = 415
    title = "Unsupported Media Type"
    code = "unsupported_media_type"
    detail = "The body must be application/json."


class Unprocessable(OrgError):
    """The request was parsed, but some values are invalid; `errors` has a `Fault` for each."""

    status = 422
    title = "Unprocessable Content"
    code = "validation_failed"
    detail = "Some values are not valid."


class ResponseTooLarge(OrgError):
    """The response exceeds the size limit of Lambda. 413 as from Lambda itself: clients would retry a 5xx in vain."""

    status = 413
    title = "Content Too Large"
    code = "response_too_large"
    detail = "The response is too large. Request less data."


class PreconditionRequired(OrgError):
    """The change must carry `If-Match` (RFC 6585 section 3)."""

    status = 428
    title = "Precondition Required"
    code = "precondition_required"
    detail = "Send the ETag of the resource you read in If-Match."


class TooManyRequests(OrgError):
    """Carries `Retry-After` in seconds."""

    status = 429
    title = "Too Many Requests"
    code = "too_many_requests"
    detail = "Too many requests. Try again later."

    def __init__(self, detail: str | None = None, *, code: str | None = None, retry_after_s: int = 1) -> None:
        super().__init__(detail, code=code, headers={"Retry-After": str(retry_after_s)})


class Unavailable(OrgError):
    """The database or another service is not reachable. Carries `Retry-After` in seconds."""

    status = 503
    title = "Service Unavailable"
    code = "unavailable"
    detail = "The service is temporarily unavailable. Try again shortly."

    def __init__(self, detail: str | None = None, *, code: str | None = None, retry_after_s: int = 1) -> None:
        super().__init__(detail, code=code, headers={"Retry-After": str(retry_after_s)})


class CommitUnknown(OrgError):
    """The connection was lost while COMMIT was in flight: the write may or may not have happened.

    The SDK never retries it. The client reads the resource before it retries.
    """

    status = 503
    title = "Service Unavailable"
    code = "commit_unknown"
    detail = "The connection was lost while saving. Check whether the change was saved before you try again."


class GatewayTimeout(OrgError):
    """The deadline of the request has passed."""

    status = 504
    title = "Gateway Timeout"
    code = "timeout"
    detail = "The request took too long."
