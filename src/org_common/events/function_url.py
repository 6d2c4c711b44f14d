"""Lambda Function URLs: payload format 2.0 without an API in front.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

from __future__ import annotations

from org_common.events.http_api import PayloadFormat2


class FunctionUrl(PayloadFormat2):
    """The event source for Lambda Function URLs.

    No service verifies tokens in front of the function: the app must (`identity=Bearer(...)`), or all routes are
    PUBLIC.
    """

    __slots__ = ()
    has_authorizer = False
    _is_url = True

    def __repr__(self) -> str:
        return "FUNCTION_URL"


FUNCTION_URL = FunctionUrl()
"""The event source for Lambda Function URLs."""
