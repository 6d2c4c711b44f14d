"""Events that an app does not accept or cannot read: what is known of them. Imported when there is one."""

from __future__ import annotations

from org_common.events.rest_api import joined_headers
from org_common.http.request import Request
from org_common.values.errors import OrgError

TYPE_CHECKING = False

if TYPE_CHECKING:
    from org_common.values.types import Event, LambdaContext


def refusal(event: Event) -> tuple[OrgError, str]:
    """The error for the answer, and for the log what kind of event this seems to be: nothing of what it holds."""
    error = OrgError("The function was invoked with an event that it does not accept.", code="unknown_event")
    return error, _kind(event)


def remains(event: Event, context: LambdaContext) -> Request:
    """Of a request that cannot be read: its headers, where there are some."""
    try:
        headers = joined_headers(event)
    except (OrgError, AttributeError):
        headers = {}
    return Request("", "", "", "", headers, b"", context.aws_request_id, None, context)


def _kind(event: object) -> str:
    if not isinstance(event, dict):
        return f"a {type(event).__name__}, not an object"
    context = event.get("requestContext")
    if isinstance(context, dict):
        return _http_kind(event, context)
    records = event.get("Records")
    if isinstance(records, list):
        source = records[0].get("eventSource") if records and isinstance(records[0], dict) else None
        return "records of SQS" if source == "aws:sqs" else "records of another service"
    if "detail-type" in event or event.get("source") == "aws.events":
        return "an event of EventBridge"
    return "an event of no known kind"


def _http_kind(event: Event, context: Event) -> str:
    if "elb" in context:
        return "a load balancer's event (ALB)"
    if "connectionId" in context:
        return "an event of a WebSocket API"
    if "http" in context:
        domain = context.get("domainName")
        if isinstance(domain, str) and ".lambda-url." in domain:
            return "a Function URL's event (FUNCTION_URL)"
        return "an HTTP API's event, payload format 2.0 (HTTP_API)"
    if "httpMethod" in event:
        return "a REST API's event (REST_API)"
    return "an event with a requestContext of no known kind"
