"""The shared layer of small Lambdas in front of one multi-tenant Postgres.

Importing this package loads nothing: each public name is fetched from its home module when it is first used
(PEP 562), so a handler pays for what it names. `from org_common import Reader` loads psycopg, `App` does not.
"""

# Not from `typing`: that import alone would double the cost of this one (measured: 7.7 -> 15.6 ms).
TYPE_CHECKING = False

if TYPE_CHECKING:
    from org_common.app import App
    from org_common.auth.authorizer import Authorizer, authorizer
    from org_common.auth.bearer import Bearer
    from org_common.auth.from_authorizer import FROM_AUTHORIZER
    from org_common.auth.gateway_jwt import GatewayJwt
    from org_common.auth.rules import (
        PUBLIC,
        SIGNED_IN,
        TOKEN,
        Check,
        Ladder,
        OrgCheck,
        OrgRole,
        Rule,
        SysCheck,
        SysRole,
    )
    from org_common.auth.service import AsService
    from org_common.config.issuers import Issuer
    from org_common.config.needs import Needs
    from org_common.config.settings import Settings, SettingsError
    from org_common.db.database import Database, reader, transaction
    from org_common.db.delivery import MessageRefused, PartialDelivery
    from org_common.db.reader import Reader
    from org_common.db.relay import relay_outbox
    from org_common.db.service import service_transaction
    from org_common.db.transaction import Transaction
    from org_common.events.alb import ALB
    from org_common.events.function_url import FUNCTION_URL
    from org_common.events.http_api import HTTP_API, HttpApi
    from org_common.events.keep_warm import KEEP_WARM, KeepWarm
    from org_common.events.record import Record
    from org_common.events.rest_api import REST_API, RestApi
    from org_common.events.s3 import S3Object
    from org_common.handlers.markers import Cookie, Form, Header, Query
    from org_common.handlers.precondition import Precondition
    from org_common.http.cors import Cors
    from org_common.http.request import Request
    from org_common.http.response import Response, problem
    from org_common.http.sse import Event
    from org_common.http.stream import Stream
    from org_common.lifecycle.build import __build__
    from org_common.lifecycle.startup import prefetch
    from org_common.router import Router
    from org_common.secrets.store import get_secret
    from org_common.sinks.eventbridge import EventBridgeSink
    from org_common.sinks.http import HttpSink
    from org_common.sinks.sqs import SqsSink
    from org_common.telemetry.log import bind_fields, get_logger
    from org_common.telemetry.metrics import count, measure
    from org_common.telemetry.monitoring.function_monitor import FunctionHistory, FunctionMonitor, FunctionStats
    from org_common.telemetry.monitoring.lambda_report import LambdaReport, parse_report
    from org_common.telemetry.requests import observe
    from org_common.telemetry.trace import span, trace_headers
    from org_common.values.errors import (
        BadRequest,
        CommitUnknown,
        Conflict,
        Fault,
        Forbidden,
        GatewayTimeout,
        Gone,
        MethodNotAllowed,
        NotAcceptable,
        NotFound,
        OrgError,
        PayloadTooLarge,
        PreconditionFailed,
        PreconditionRequired,
        ResponseTooLarge,
        TooManyRequests,
        Unauthorized,
        Unavailable,
        Unprocessable,
        UnsupportedMediaType,
    )
    from org_common.values.identity import Identity
    from org_common.values.jsonb import Json
    from org_common.values.model import Model, Patch
    from org_common.values.paging import Page, PageRequest
    from org_common.values.secret import Reference, Secret
    from org_common.values.types import Deadline

_HOMES = {
    "org_common.app": ("App",),
    "org_common.auth.authorizer": ("Authorizer", "authorizer"),
    "org_common.auth.bearer": ("Bearer",),
    "org_common.auth.from_authorizer": ("FROM_AUTHORIZER",),
    "org_common.auth.gateway_jwt": ("GatewayJwt",),
    "org_common.auth.rules": (
        "PUBLIC",
        "SIGNED_IN",
        "TOKEN",
        "Check",
        "Ladder",
        "OrgCheck",
        "OrgRole",
        "Rule",
        "SysCheck",
        "SysRole",
    ),
    "org_common.auth.service": ("AsService",),
    "org_common.config.issuers": ("Issuer",),
    "org_common.config.needs": ("Needs",),
    "org_common.config.settings": ("Settings", "SettingsError"),
    "org_common.db.database": ("Database", "reader", "transaction"),
    "org_common.db.delivery": ("MessageRefused", "PartialDelivery"),
    "org_common.db.reader": ("Reader",),
    "org_common.db.relay": ("relay_outbox",),
    "org_common.db.service": ("service_transaction",),
    "org_common.db.transaction": ("Transaction",),
    "org_common.events.alb": ("ALB",),
    "org_common.events.function_url": ("FUNCTION_URL",),
    "org_common.events.http_api": ("HTTP_API", "HttpApi"),
    "org_common.events.keep_warm": ("KEEP_WARM", "KeepWarm"),
    "org_common.events.record": ("Record",),
    "org_common.events.rest_api": ("REST_API", "RestApi"),
    "org_common.events.s3": ("S3Object",),
    "org_common.handlers.precondition": ("Precondition",),
    "org_common.handlers.markers": ("Cookie", "Form", "Header", "Query"),
    "org_common.http.cors": ("Cors",),
    "org_common.http.request": ("Request",),
    "org_common.http.response": ("Response", "problem"),
    "org_common.http.sse": ("Event",),
    "org_common.http.stream": ("Stream",),
    "org_common.lifecycle.build": ("__build__",),
    "org_common.lifecycle.startup": ("prefetch",),
    "org_common.router": ("Router",),
    "org_common.secrets.store": ("get_secret",),
    "org_common.sinks.eventbridge": ("EventBridgeSink",),
    "org_common.sinks.http": ("HttpSink",),
    "org_common.sinks.sqs": ("SqsSink",),
    "org_common.telemetry.monitoring.function_monitor": ("FunctionHistory", "FunctionMonitor", "FunctionStats"),
    "org_common.telemetry.monitoring.lambda_report": ("LambdaReport", "parse_report"),
    "org_common.telemetry.log": ("bind_fields", "get_logger"),
    "org_common.telemetry.metrics": ("count", "measure"),
    "org_common.telemetry.requests": ("observe",),
    "org_common.telemetry.trace": ("span", "trace_headers"),
    "org_common.values.errors": (
        "BadRequest",
        "CommitUnknown",
        "Conflict",
        "Fault",
        "Forbidden",
        "GatewayTimeout",
        "Gone",
        "MethodNotAllowed",
        "NotAcceptable",
        "NotFound",
        "OrgError",
        "PayloadTooLarge",
        "PreconditionFailed",
        "PreconditionRequired",
        "ResponseTooLarge",
        "TooManyRequests",
        "Unauthorized",
        "Unavailable",
        "Unprocessable",
        "UnsupportedMediaType",
    ),
    "org_common.values.identity": ("Identity",),
    "org_common.values.jsonb": ("Json",),
    "org_common.values.model": ("Model", "Patch"),
    "org_common.values.paging": ("Page", "PageRequest"),
    "org_common.values.secret": ("Reference", "Secret"),
    "org_common.values.types": ("Deadline",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [  # noqa: PLE0604, RUF100 - spelled out for type checkers; a test compares it with the table
    "ALB",
    "FROM_AUTHORIZER",
    "FUNCTION_URL",
    "HTTP_API",
    "KEEP_WARM",
    "PUBLIC",
    "REST_API",
    "SIGNED_IN",
    "TOKEN",
    "App",
    "AsService",
    "Authorizer",
    "BadRequest",
    "Bearer",
    "Check",
    "CommitUnknown",
    "Conflict",
    "Cookie",
    "Cors",
    "Database",
    "Deadline",
    "Event",
    "EventBridgeSink",
    "Fault",
    "Forbidden",
    "Form",
    "FunctionHistory",
    "FunctionMonitor",
    "FunctionStats",
    "GatewayJwt",
    "GatewayTimeout",
    "Gone",
    "Header",
    "HttpApi",
    "HttpSink",
    "Identity",
    "Issuer",
    "Json",
    "KeepWarm",
    "Ladder",
    "LambdaReport",
    "MessageRefused",
    "MethodNotAllowed",
    "Model",
    "Needs",
    "NotAcceptable",
    "NotFound",
    "OrgCheck",
    "OrgError",
    "OrgRole",
    "Page",
    "PageRequest",
    "PartialDelivery",
    "Patch",
    "PayloadTooLarge",
    "Precondition",
    "PreconditionFailed",
    "PreconditionRequired",
    "Query",
    "Reader",
    "Record",
    "Reference",
    "Request",
    "Response",
    "ResponseTooLarge",
    "RestApi",
    "Router",
    "Rule",
    "S3Object",
    "Secret",
    "Settings",
    "SettingsError",
    "SqsSink",
    "Stream",
    "SysCheck",
    "SysRole",
    "TooManyRequests",
    "Transaction",
    "Unauthorized",
    "Unavailable",
    "Unprocessable",
    "UnsupportedMediaType",
    "__build__",
    "authorizer",
    "bind_fields",
    "count",
    "get_logger",
    "get_secret",
    "measure",
    "observe",
    "parse_report",
    "prefetch",
    "problem",
    "reader",
    "relay_outbox",
    "service_transaction",
    "span",
    "trace_headers",
    "transaction",
]


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'org_common' has no attribute {name!r}")
    # Before anything compiles what the layer already contains.
    __import__("org_common.lifecycle.precompiled")
    # Not importlib.import_module: `import importlib` is one more module, and this is the same machinery.
    value: object = getattr(__import__(home, fromlist=(name,)), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
