"""Errors that a handler raises and the app turns into RFC 9457 problems.

Status and stable `code` live on the class; `detail` is for the caller and never holds SQL, secrets or another
tenant's values. What happened underneath goes into `__cause__`, for the log.
"""

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


# So many are told of one request.
MAX_FAULTS = 50
# What converting a value raises. pydantic lets the last one through, of an interval of more than 2.7 million years.
MISFIT = (ValueError, KeyError, OverflowError)


class Fault:
    """One thing wrong with the input: where it was and what was wrong.

    `where` is "body", "path", "query", "header" or "cookie". `pointer` is a JSON pointer (RFC 6901) into the body, as a
    URI fragment ("#/name"), or "#/limit" for the parameter `limit` of the other places.
    """

    __slots__ = ("code", "detail", "pointer", "where")

    def __init__(self, where: str, pointer: str, detail: str, code: str) -> None:
        self.where = where
        self.pointer = pointer
        self.detail = detail
        self.code = code

    def as_dict(self) -> dict[str, str]:
        return {"in": self.where, "pointer": self.pointer, "detail": self.detail, "code": self.code}


class OrgError(Exception):
    """An answer other than success.

    `code` is stable and for programs ("not_invited"), `detail` is a sentence for people, `headers` are added to
    the response ("Retry-After"). A bare `OrgError` is a 500: raise one of its children.
    """

    status = 500
    title = "Internal Server Error"
    code = "internal_error"
    detail = "Something went wrong on our side. The request id names the log entry."

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
        self.headers: Mapping[str, str] = headers or {}


class BadRequest(OrgError):
    """The request could not be read: malformed JSON, a cursor of another route."""

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
    """The caller is known and may see the thing, but not do this to it."""

    status = 403
    title = "Forbidden"
    code = "forbidden"
    detail = "You are not allowed to do this."


class NotFound(OrgError):
    """No such thing, or none that the caller may know of: a row hidden by RLS is not found, never forbidden."""

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
    """The request is well-formed and clashes with what is stored: a duplicate, a broken reference."""

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
    """Readable, but with wrong values; `errors` holds one `Fault` for each."""

    status = 422
    title = "Unprocessable Content"
    code = "validation_failed"
    detail = "Some values are not valid."


class ResponseTooLarge(OrgError):
    """The answer does not fit through Lambda. 413 as Lambda itself says it: a 5xx would be tried again in vain."""

    status = 413
    title = "Content Too Large"
    code = "response_too_large"
    detail = "The answer is too large. Ask for less of it."


class PreconditionRequired(OrgError):
    """A change that says nothing of the state that it was made for (RFC 6585 section 3)."""

    status = 428
    title = "Precondition Required"
    code = "precondition_required"
    detail = "Send the ETag of what you read in If-Match."


class TooManyRequests(OrgError):
    """Carries `Retry-After` in seconds."""

    status = 429
    title = "Too Many Requests"
    code = "too_many_requests"
    detail = "Too many requests. Try again later."

    def __init__(self, detail: str | None = None, *, code: str | None = None, retry_after_s: int = 1) -> None:
        super().__init__(detail, code=code, headers={"Retry-After": str(retry_after_s)})


class Unavailable(OrgError):
    """The database or another service cannot be reached now. Carries `Retry-After` in seconds."""

    status = 503
    title = "Service Unavailable"
    code = "unavailable"
    detail = "The service is temporarily unavailable. Try again shortly."

    def __init__(self, detail: str | None = None, *, code: str | None = None, retry_after_s: int = 1) -> None:
        super().__init__(detail, code=code, headers={"Retry-After": str(retry_after_s)})


class CommitUnknown(OrgError):
    """The connection was lost while COMMIT was in flight: the write may or may not have happened.

    Never retried blindly: the caller reads the resource back and decides.
    """

    status = 503
    title = "Service Unavailable"
    code = "commit_unknown"
    detail = "The connection was lost while saving. Check whether the change was made before you try again."


class GatewayTimeout(OrgError):
    """There was not enough time left to answer."""

    status = 504
    title = "Gateway Timeout"
    code = "timeout"
    detail = "The request took too long."
