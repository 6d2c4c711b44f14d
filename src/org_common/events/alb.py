"""Application Load Balancers with a Lambda target.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
"""

from __future__ import annotations

import uuid
from itertools import product

from org_common.events.event_source import (
    SURELY_FITS_ANYWHERE_BYTES,
    body_of,
    broken_event,
    check_unicode,
    decoded,
    fitting,
    text_of,
)
from org_common.events.rest_api import joined_headers, joined_query
from org_common.http.request import Request
from org_common.values.errors import ResponseTooLarge

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator

    from org_common.http.response import Response
    from org_common.values.types import Event, LambdaContext

# A load balancer takes less than Lambda does.
LIMIT_BYTES = 1_048_576
# As many as nine letters have spellings.
MAX_COOKIES = 2**9


class Alb:
    """Application Load Balancers. Nobody verifies tokens in front of the function.

    With the target group's attribute `lambda.multi_value_headers.enabled` or without: the event says which.
    """

    __slots__ = ()
    has_authorizer = False

    def read(self, event: Event, context: LambdaContext) -> Request | None:
        try:
            gateway = event["requestContext"]
            if "elb" not in gateway or "http" in gateway:
                return None
            method: str = event["httpMethod"]
            sent_path: str = event["path"]
        except (KeyError, TypeError, AttributeError):
            return None
        if type(method) is not str or type(sent_path) is not str:
            raise broken_event()
        headers = joined_headers(event)
        query = joined_query(event, decoded=False)
        path = decoded(sent_path)
        check_unicode(path, query)
        return Request(
            method,
            path,
            path,
            query,
            headers,
            body_of(event),
            # A load balancer names no request; its trace id comes closest, and a caller may set that one.
            getattr(context, "aws_request_id", None) or uuid.uuid4().hex,
            # Never what `requestContext` may hold: no load balancer puts an authorizer there.
            None,
            context,
            getattr(context, "tenant_id", None),
        )

    def answer(self, response: Response, event: Event) -> Event:
        text, encoded = text_of(response.body)
        made: Event = {
            "statusCode": response.status,
            "statusDescription": _described(response.status),
            "body": text,
            "isBase64Encoded": encoded,
        }
        if "multiValueHeaders" in event:
            made["multiValueHeaders"] = {name: [value] for name, value in response.headers.items()}
            if response.cookies:
                made["multiValueHeaders"]["set-cookie"] = [*response.cookies]
        else:
            # One value a name: more than one cookie goes out under spellings of the name that differ in case.
            if len(response.cookies) > MAX_COOKIES:
                raise ResponseTooLarge(
                    f"The answer sets {len(response.cookies)} cookies, and {MAX_COOKIES} are possible."
                )
            made["headers"] = {**response.headers, **dict(zip(_spellings(), response.cookies, strict=False))}
        return made if len(response.body) < SURELY_FITS_ANYWHERE_BYTES else fitting(made, LIMIT_BYTES)

    def __repr__(self) -> str:
        return "ALB"


def _spellings() -> Iterator[str]:
    """One name in all its spellings, from "set-cookie" to "SET-COOKIE"."""
    return map("".join, product(*(dict.fromkeys((letter, letter.upper())) for letter in "set-cookie")))


def _described(status: int) -> str:
    from http import HTTPStatus

    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Other"


ALB = Alb()
"""Application Load Balancers with a Lambda target."""
