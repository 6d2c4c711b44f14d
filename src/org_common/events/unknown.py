"""Events that an app does not accept or cannot read. Imported for the first of them."""

from __future__ import annotations

from org_common.events.event_source import is_function_url
from org_common.events.keep_warm import KEEP_WARM
from org_common.events.rest_api import join_headers
from org_common.http.request import Request
from org_common.values.errors import OrgError

TYPE_CHECKING = False

if TYPE_CHECKING:
    from org_common.values.types import Event, LambdaContext


# What only the events of one service have: records of queues and streams, Kafka and MQ; an asynchronous invocation's
# result; CloudWatch Logs, Cognito, CodePipeline, Firehose, S3 Batch Operations, CloudFormation, a rotation of secrets,
# Config, alarms, Lex, CodeDeploy, authorizers.
_SERVICE_KEYS = frozenset(
    {"Records", "eventSource", "awslogs", "triggerSource", "CodePipeline.job", "requestPayload", "deliveryStreamArn"}
    | {"invocationSchemaVersion", "ResponseURL", "ClientRequestToken", "invokingEvent", "alarmArn", "sessionState"}
    | {"LifecycleEventHookExecutionId", "methodArn"}
)


def unknown_event_error(event: Event) -> tuple[OrgError, str]:
    """The error to respond with, and for the log the type that this event seems to have: none of its content."""
    error = OrgError("The function does not accept this type of event.", code="unknown_event")
    return error, _describe(event)


def is_delivery(event: object) -> bool:
    """Whether a service delivers something with this event and takes a returned value for its receipt: SQS deletes it.

    A ping delivers nothing.
    """
    if not isinstance(event, dict) or KEEP_WARM.is_ping(event):
        return False
    if "requestContext" in event:
        # A destination of an asynchronous invocation has one, too.
        return "requestPayload" in event
    return "detail-type" in event or is_of_another_service(event)


def is_of_another_service(event: Event) -> bool:
    """Whether a service sends this event that is neither a request, an event of a bus nor a schedule's input."""
    return not _SERVICE_KEYS.isdisjoint(event) or event.get("Event") == "s3:TestEvent"


def partial_request(event: Event, context: LambdaContext) -> Request:
    """What can be read of a malformed request: its headers, if there are any."""
    try:
        headers = join_headers(event)
    except (OrgError, AttributeError):
        headers = {}
    return Request("", "", "", "", headers, b"", context.aws_request_id, None, context)


def _describe(event: object) -> str:
    if not isinstance(event, dict):
        return f"a {type(event).__name__}, not an object"
    if "requestPayload" in event:
        return "the result of an asynchronous invocation (a destination)"
    context = event.get("requestContext")
    if isinstance(context, dict):
        return _describe_http(event, context)
    records = event.get("Records")
    if isinstance(records, list):
        source = records[0].get("eventSource") if records and isinstance(records[0], dict) else None
        return "SQS records" if source == "aws:sqs" else "records of another service"
    if "detail-type" in event or event.get("source") == "aws.events":
        return "an EventBridge event" + (" (KEEP_WARM)" if KEEP_WARM.is_ping(event) else "")
    if KEEP_WARM.is_ping(event):
        return "a ping that keeps the function warm (KEEP_WARM)"
    return "an event of an unknown type"


def _describe_http(event: Event, context: Event) -> str:
    if "elb" in context:
        return "a load balancer's event (ALB)"
    if "connectionId" in context:
        return "a WebSocket API's event"
    if "http" in context:
        domain = context.get("domainName")
        if isinstance(domain, str) and is_function_url(domain):
            return "a Function URL's event (FUNCTION_URL)"
        return "an HTTP API's event, payload format 2.0 (HTTP_API)"
    if "httpMethod" in event:
        return "a REST API's event (REST_API)"
    return "an event with a requestContext of an unknown type"
