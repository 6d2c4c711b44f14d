"""Application Load Balancers with a Lambda target.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
"""

from __future__ import annotations

import uuid
from itertools import product

from org_common.events.event_source import (
    SURELY_FITS_ANYWHERE_BYTES,
    broken_event,
    check_size,
    check_unicode,
    decode_path,
    encode_body,
    read_body,
)
from org_common.events.rest_api import join_headers, join_query
from org_common.http.incoming_request import IncomingRequest
from org_common.values.errors import ResponseTooLarge

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator

    from org_common.http.response import Response
    from org_common.values.types import Event, LambdaContext

# A load balancer's limit is lower than Lambda's.
LIMIT_BYTES = 1_048_576
# The nine letters of "set-cookie", each in upper or lower case, make so many header names.
MAX_COOKIES = 2**9


class Alb:
    """The event source for Application Load Balancers.

    No service verifies tokens in front of the function. The target group's attribute
    `lambda.multi_value_headers.enabled` may be on or off: each event shows which.
    """

    __slots__ = ()
    has_authorizer = False

    def read(self, event: Event, context: LambdaContext) -> IncomingRequest | None:
        """Return the request; None for another source's event. See `EventSource.read` for the errors."""
        try:
            request_context = event["requestContext"]
            if "elb" not in request_context or "http" in request_context:
                return None
            method: str = event["httpMethod"]
            sent_path: str = event["path"]
        except (KeyError, TypeError, AttributeError):
            return None
        if type(method) is not str or type(sent_path) is not str:
            raise broken_event()
        headers = join_headers(event)
        query = join_query(event, is_decoded=False)
        path = decode_path(sent_path)
        check_unicode(path, query)
        return IncomingRequest(
            method,
            path,
            path,
            query,
            headers,
            read_body(event),
            # A load balancer sends no request id. Its trace id would come closest, but a caller can set that one.
            getattr(context, "aws_request_id", None) or uuid.uuid4().hex,
            # Never `requestContext.authorizer`: no load balancer sends one.
            None,
            context,
            getattr(context, "tenant_id", None),
        )

    def to_event(self, response: Response, event: Event) -> Event:
        """Return the response as a load balancer expects it: with all values of a header if the event has them."""
        body, is_base64 = encode_body(response.body)
        response_event: Event = {
            "statusCode": response.status,
            "statusDescription": _status_description(response.status),
            "body": body,
            "isBase64Encoded": is_base64,
        }
        if "multiValueHeaders" in event:
            response_event["multiValueHeaders"] = {name: [value] for name, value in response.headers.items()}
            if response.cookies:
                response_event["multiValueHeaders"]["set-cookie"] = [*response.cookies]
        else:
            # One value for each name: further cookies are sent under names that differ only in case.
            if len(response.cookies) > MAX_COOKIES:
                raise ResponseTooLarge(
                    f"The response sets {len(response.cookies)} cookies, and the limit is {MAX_COOKIES}."
                )
            cookies = zip(_set_cookie_names(), response.cookies, strict=False)
            response_event["headers"] = {**response.headers, **dict(cookies)}
        if len(response.body) < SURELY_FITS_ANYWHERE_BYTES:
            return response_event
        return check_size(response_event, LIMIT_BYTES)

    def __repr__(self) -> str:
        return "ALB"


def _set_cookie_names() -> Iterator[str]:
    """The header name in every combination of cases, from "set-cookie" to "SET-COOKIE"."""
    return map("".join, product(*(dict.fromkeys((letter, letter.upper())) for letter in "set-cookie")))


def _status_description(status: int) -> str:
    from http import HTTPStatus

    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Other"


ALB = Alb()
"""The event source for Application Load Balancers with a Lambda target."""
