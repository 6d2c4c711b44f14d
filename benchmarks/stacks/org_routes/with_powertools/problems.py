"""Exception handlers that respond with problem details."""

import json

import psycopg
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from org_routes.problems import Problem, of_sqlstate, of_validation


def found(row):
    if row is None:
        raise Problem("not_found")
    return row


def register(app):
    @app.exception_handler(Problem)
    def problem(error):
        body = json.dumps(error.body(app.current_event.raw_event))
        return Response(error.status, "application/problem+json", body, headers=error.headers)

    @app.exception_handler(RequestValidationError)
    def invalid(error):
        return problem(of_validation(error.errors()))

    @app.exception_handler(psycopg.Error)
    def failed(error):
        return problem(of_sqlstate(error.sqlstate))
