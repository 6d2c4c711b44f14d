"""A test client: sends an app the events that API Gateway would send, without a server."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from org_common.app import App
from org_common.events import http_api as gateway
from org_common.tools.serve.issuer import TokenIssuer
from org_common.values.errors import OrgError
from org_common.values.identity import Identity
from org_common.values.types import LocalContext

if TYPE_CHECKING:
    from org_common.auth.authorizer import Authorizer
    from org_common.http.request import Request
    from org_common.values.types import Event

ISSUER = "https://issuer.test"
_making = Lock()


class Person:
    """A user with a valid token, which is real and signed for each request.

    `subject` and `issuer` identify the user. The issuer confirms `email` unless `email_verified` is false. `tenant` is
    the tenant in the token, `expires_in_s` its lifetime.
    """

    def __init__(
        self,
        subject: str,
        *,
        issuer: str = ISSUER,
        email: str | None = None,
        email_verified: bool | None = None,
        tenant: str | None = None,
        expires_in_s: float = 3600,
    ) -> None:
        self.subject = subject
        self.issuer = issuer
        self.email = email
        self.email_verified = email is not None if email_verified is None else email_verified
        self.tenant = tenant
        self.expires_in_s = expires_in_s

    def identity(self) -> Identity:
        """The identity that handlers and `reader()` receive for this user."""
        return Identity.from_claims(self.claims())

    def claims(self) -> str:
        """The claims as the authorizer's context has them: a JSON string. Also for an expired token."""
        return json.dumps(
            {
                "iss": self.issuer,
                "sub": self.subject,
                "exp": time.time() + self.expires_in_s,
                "email": self.email,
                "email_verified": self.email_verified,
                "jti": "test",
                "tenant": self.tenant,
            }
        )

    def token(self) -> str:
        """A newly signed token."""
        claims = {"email": self.email, "email_verified": self.email_verified, "tenant": self.tenant}
        return _issuer(self.issuer, self._domain()).token(self.subject, expires_in_s=self.expires_in_s, **claims)

    def authorizer(self) -> Authorizer:
        """The authorizer of an API that accepts this user's issuer."""
        return _authorizer(self.issuer, self._domain())

    def _domain(self) -> str:
        return (self.email or "").rpartition("@")[2].lower() if self.email_verified else ""

    def __repr__(self) -> str:
        return f"Person({self.subject!r})"


class Answer:
    """A response: `status`, `headers` with lower-case names, and `body` as bytes."""

    def __init__(self, answer: Event) -> None:
        self.status: int = answer["statusCode"]
        self.headers: dict[str, str] = answer["headers"]
        self.body = gateway.decode_body(answer)

    def json(self) -> Any:
        """The body, decoded from JSON."""
        return json.loads(self.body)

    def __repr__(self) -> str:
        return f"Answer({self.status}, {self.body[:300]!r})"


class Client:
    """Sends requests to an app as `person`, or without a token.

    client = Client(app, person=alice)
    assert client.get("/orgs").status == 200
    assert client.as_(bob).get(f"/orgs/{org_id}").status == 404
    """

    def __init__(
        self, app: App, *, person: Person | None = None, timeout_s: float = 29.0, tenant_id: str | None = None
    ) -> None:
        """`timeout_s` is the function's timeout, `tenant_id` that of Lambda's tenant isolation mode."""
        self._app = app
        self._person = person
        self._timeout_s = timeout_s
        self._tenant_id = tenant_id

    def as_(self, person: Person | None) -> Client:
        """A client of the same app for another user; None sends no token."""
        return Client(self._app, person=person, timeout_s=self._timeout_s, tenant_id=self._tenant_id)

    def get(self, path: str, *, headers: Mapping[str, str] | None = None, **query: object) -> Answer:
        """Send a GET request.

        Keywords are query parameters by their API names: `limit=10`. They can be in the path too.
        """
        path, _, own = path.partition("?")
        return self.send(
            "GET", path, query="&".join(filter(None, (own, urlencode(query, doseq=True)))), headers=headers
        )

    def post(self, path: str, body: object = None, *, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a POST request; see `send` for the body."""
        return self.send("POST", path, body=body, headers=headers)

    def put(self, path: str, body: object = None, *, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a PUT request; see `send` for the body."""
        return self.send("PUT", path, body=body, headers=headers)

    def patch(self, path: str, body: object = None, *, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a PATCH request; see `send` for the body."""
        return self.send("PATCH", path, body=body, headers=headers)

    def delete(self, path: str, *, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a DELETE request."""
        return self.send("DELETE", path, headers=headers)

    def send(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request. A body of bytes is sent unchanged, another body as JSON; None sends no body."""
        sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        head = {"content-type": "application/json", **(headers or {})} if sent else dict(headers or {})
        if self._person is not None:
            head = {"authorization": f"Bearer {self._person.token()}", **head}
        event = gateway.event(method, path, query=query, headers=head, body=sent)
        context = LocalContext("test", self._timeout_s, tenant_id=self._tenant_id)
        try:
            self._authorize(event)
        except OrgError as error:
            return Answer(gateway.HTTP_API.to_event(self._app.refuse(_request(event, context), error), event))
        if any(isinstance(shape, gateway.HttpApi) for shape in self._app.events):
            return Answer(self._app(event, context))
        # The app has another event source. It handles the request in the same way.
        return Answer(gateway.HTTP_API.to_event(self._app.handle(_request(event, context)), event))

    def _authorize(self, event: Event) -> None:
        """Authorize the request as API Gateway does before it invokes the function, with the same authorizer."""
        context = event["requestContext"]
        if self._person is None or not self._app.identity.needs_authorizer:
            return
        if self._app.needs_identity(context["http"]["method"], event["rawPath"]):
            claims = self._person.authorizer().authorize(event["headers"]["authorization"])
            context["authorizer"] = {"lambda": {gateway.CLAIMS_KEY: claims}}


def _request(event: Event, context: LocalContext) -> Request:
    request = gateway.HTTP_API.read(event, context)
    assert request is not None
    return request


def _issuer(url: str, email_domain: str) -> TokenIssuer:
    # With `cache` alone, two threads could create an issuer each, and sign with a key that the authorizer does not
    # know.
    with _making:
        return _made_issuer(url, email_domain)


@cache
def _made_issuer(url: str, email_domain: str) -> TokenIssuer:
    return TokenIssuer(url, email_domains=[email_domain] if email_domain else (), tenant_claim="tenant")


@cache
def _authorizer(url: str, email_domain: str) -> Authorizer:
    return _issuer(url, email_domain).authorizer()
