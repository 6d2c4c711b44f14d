"""Errors as RFC 9457 problem details."""

PROBLEMS = {
    "invalid_cursor": (400, "Bad Request", "The cursor was not made for this list. Start again without one."),
    "unauthorized": (401, "Unauthorized", "A valid access token is required."),
    "token_expired": (401, "Unauthorized", "The access token has expired."),
    "forbidden": (403, "Forbidden", "You are not allowed to do this."),
    "not_provisioned": (403, "Forbidden", "No account exists for this user."),
    "not_found": (404, "Not Found", "There is no such resource."),
    "duplicate": (409, "Conflict", "A resource with this value already exists."),
    "validation_failed": (422, "Unprocessable Content", "Some values are not valid."),
    "invalid_value": (422, "Unprocessable Content", "A value is outside the allowed range."),
    "internal_error": (500, "Internal Server Error", "Something went wrong on our side."),
    "unavailable": (503, "Service Unavailable", "The service is temporarily unavailable. Try again shortly."),
}
SQLSTATES = {
    "OCUSR": "not_provisioned",
    "OC403": "forbidden",
    "OC404": "not_found",
    "42501": "forbidden",
    "23505": "duplicate",
    "23514": "invalid_value",
}


class Problem(Exception):
    def __init__(self, code, errors=()):
        super().__init__(code)
        self.code = code
        self.errors = errors
        self.status, self.title, self.detail = PROBLEMS[code]
        self.headers = {"WWW-Authenticate": "Bearer"} if self.status == 401 else {}

    def body(self, event):
        body = {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": f"urn:request:{event['requestContext']['requestId']}",
            "code": self.code,
        }
        return {**body, "errors": self.errors} if self.errors else body


def of_sqlstate(sqlstate):
    """The problem of a failed statement; psycopg has no SQLSTATE for a connection that cannot be opened."""
    return Problem(SQLSTATES.get(sqlstate, "internal_error") if sqlstate else "unavailable")


def of_validation(errors):
    """The problem of a request that pydantic rejected."""
    faults = []
    for error in errors:
        where, *path = error["loc"]
        pointer = "#/" + "/".join(map(str, path)) if path else "#"
        faults.append({"in": where, "pointer": pointer, "detail": error["msg"], "code": error["type"]})
    return Problem("validation_failed", faults)
