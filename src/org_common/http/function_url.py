"""Lambda Function URLs: payload format 2.0 without an API in front.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

from __future__ import annotations

from org_common.http.gateway import answer, is_function_url, read_v2

TYPE_CHECKING = False

if TYPE_CHECKING:
    from org_common.http.request import Request
    from org_common.http.response import Response
    from org_common.types import Event, LambdaContext


class FunctionUrl:
    """Lambda Function URLs. Nobody verifies tokens in front of them: the app itself must, or all routes are PUBLIC."""

    __slots__ = ()
    has_authorizer = False

    def read(self, event: Event, context: LambdaContext) -> Request | None:
        try:
            gateway = event["requestContext"]
            http = gateway["http"]
            if not is_function_url(gateway):
                return None
        except (KeyError, TypeError, AttributeError):
            return None
        return read_v2(event, gateway, http, context, "", is_encoded=True)

    def answer(self, response: Response, event: Event) -> Event:
        return answer(response)

    def __repr__(self) -> str:
        return "FUNCTION_URL"


FUNCTION_URL = FunctionUrl()
"""Lambda Function URLs."""
