"""Exception handlers that respond with problem details."""

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from org_routes.problems import Problem, of_sqlstate, of_validation
from sqlalchemy.exc import DBAPIError, NoResultFound


def problem(request, error):
    body = error.body(request.scope["aws.event"])
    return JSONResponse(body, error.status, error.headers, media_type="application/problem+json")


def invalid(request, error):
    return problem(request, of_validation(error.errors()))


def failed(request, error):
    return problem(request, of_sqlstate(error.orig.sqlstate))


def missing(request, error):
    return problem(request, Problem("not_found"))


HANDLERS = {Problem: problem, RequestValidationError: invalid, DBAPIError: failed, NoResultFound: missing}
