"""What API Gateway asks an authorizer with, in each of its forms."""

from __future__ import annotations

from typing import Any

ARN = "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5"
Event = dict[str, Any]


def http_api(authorization: str | None, **changes: Any) -> Event:
    """HTTP API, payload format 2.0."""
    event: Event = {
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": f"{ARN}/$default/GET/orgs",
        "identitySource": [] if authorization is None else [authorization],
        "routeKey": "GET /orgs",
        "rawPath": "/orgs",
        "rawQueryString": "",
        "headers": {"host": "api.test"} | ({} if authorization is None else {"authorization": authorization}),
        "requestContext": {"apiId": "a1b2c3d4e5", "http": {"method": "GET", "path": "/orgs"}, "stage": "$default"},
    }
    return {**event, **changes}


def format_1(authorization: str | None, **changes: Any) -> Event:
    """HTTP API, payload format 1.0."""
    return {**rest_api(authorization), "version": "1.0", "methodArn": f"{ARN}/$default/GET/orgs", **changes}


def rest_api(authorization: str | None, **changes: Any) -> Event:
    """REST API, an authorizer of requests. Header names are as the caller wrote them."""
    sent = {} if authorization is None else {"Authorization": authorization}
    event: Event = {
        "type": "REQUEST",
        "methodArn": f"{ARN}/prod/GET/orgs",
        "resource": "/orgs",
        "path": "/orgs",
        "httpMethod": "GET",
        "headers": {"Host": "api.test", **sent},
        "multiValueHeaders": {"Host": ["api.test"], **{name: [value] for name, value in sent.items()}},
        "requestContext": {"apiId": "a1b2c3d4e5", "stage": "prod"},
    }
    return {**event, **changes}


def rest_token(authorization: str | None, **changes: Any) -> Event:
    """REST API, an authorizer of tokens."""
    return {
        "type": "TOKEN",
        "methodArn": f"{ARN}/prod/GET/orgs",
        "authorizationToken": authorization,
        **changes,
    }
