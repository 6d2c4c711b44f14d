"""Requests to an app without a server: the client builds the event that API Gateway sends, and reads the response."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from org_common.app import App
from org_common.events import http_api as gateway
from org_common.testing import rule_coverage
from org_common.testing.open_answer import OpenAnswer
from org_common.tools.serve.issuer import TokenIssuer, subject
from org_common.values.errors import OrgError
from org_common.values.identity import Identity
from org_common.values.types import LocalContext

if TYPE_CHECKING:
    from org_common.auth.authorizer import Authorizer
    from org_common.http.incoming_request import IncomingRequest
    from org_common.http.sse import Event
    from org_common.testing.records import Delivery
    from org_common.values.types import Event as LambdaEvent

ISSUER = "https://issuer.test"
_making = Lock()


class Person:
    """A caller with a valid token. The token is real, and is signed again for each request."""

    subject: str
    """The `sub` of the token."""
    issuer: str
    """The `iss` of the token."""
    email: str | None
    """The `email` of the token; None without one."""
    email_verified: bool
    """Whether the issuer confirms that the mailbox belongs to the caller. By default true with an `email`."""
    tenant: str | None
    """The tenant that the token is for; None for all."""
    expires_in_s: float
    """How long each token is valid; negative for an expired one."""

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
        """The caller as handlers and `reader()` know them."""
        return Identity.from_claims(self.claims())

    def claims(self) -> str:
        """The claims as the authorizer passes them on, in JSON; for an expired token too."""
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
        """A new token, signed by the issuer."""
        claims = {"email": self.email, "email_verified": self.email_verified, "tenant": self.tenant}
        return _issuer(self.issuer, self._domain()).token(self.subject, expires_in_s=self.expires_in_s, **claims)

    def authorizer(self) -> Authorizer:
        """The authorizer of an API that trusts this person's issuer."""
        return _authorizer(self.issuer, self._domain())

    def _domain(self) -> str:
        return (self.email or "").rpartition("@")[2].lower() if self.email_verified else ""

    def __repr__(self) -> str:
        return f"Person({self.subject!r})"


class Answer:
    """The response to a request of `Client`."""

    status: int
    """The HTTP status code."""
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    """The body as it was sent: compressed if the request accepts a coding."""

    def __init__(self, answer: LambdaEvent) -> None:
        self.status = answer["statusCode"]
        self.headers = answer["headers"]
        self.body = gateway.decode_body(answer)

    def events(self) -> list[Event]:
        """The server-sent events of the body. Their data are strings."""
        from org_common.testing.sse import read_events

        return read_events(self.body)

    def json(self) -> Any:
        """The body, decoded from JSON. Raises `ValueError` for another body."""
        return json.loads(self.body)

    def __getattr__(self, name: str) -> Any:
        known = {"status_code": "status", "content": "body", "text": "body.decode()", "data": "body"}
        advice = f": use .{known[name]}" if name in known else ""
        raise AttributeError(f"an Answer has no attribute {name!r}{advice}")

    def __repr__(self) -> str:
        return f"Answer({self.status}, {self.body[:300]!r})"


class Client:
    """Sends requests to one app, as `person` or without a token.

    client = Client(app, person="alice")
    assert client.get("/orgs").status == 200
    assert client.as_("bob").get(f"/orgs/{org_id}").status == 404
    """

    def __init__(
        self, app: App, *, person: Person | str | None = None, timeout_s: float = 29.0, tenant_id: str | None = None
    ) -> None:
        """Send requests as `person`; without one, without a token.

        - `person`: a `Person`, or the name of a demo user: "alice" is `Person("local|alice")`.
        - `timeout_s`: the timeout of the Lambda function.
        - `tenant_id`: the tenant of Lambda's tenant isolation mode.
        """
        if not hasattr(app, "pipeline"):
            raise TypeError(f"Client({app!r}): expected an App. Example: Client(app, person=alice)")
        self._app = app
        self._person = _person(person)
        self._timeout_s = timeout_s
        self._tenant_id = tenant_id

    def as_(self, person: Person | str | None) -> Client:
        """A client of the same app for another person, or for the demo user of this name; None sends no token."""
        return Client(self._app, person=person, timeout_s=self._timeout_s, tenant_id=self._tenant_id)

    def get(self, path: str, *, headers: Mapping[str, str] | None = None, **query: object) -> Answer:
        """Send a GET request. Keywords become the query string: `limit=10`. `path` may contain one as well."""
        if isinstance(query.get("params"), dict):
            raise TypeError("get(params={...}): keywords are the query string: get(path, **params)")
        path, _, own = path.partition("?")
        return self.send(
            "GET", path, query="&".join(filter(None, (own, urlencode(query, doseq=True)))), headers=headers
        )

    def post(self, path: str, body: object = None, *, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a POST request. See `send` for the body."""
        return self.send("POST", path, body=body, headers=headers)

    def put(self, path: str, body: object = None, *, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a PUT request. See `send` for the body."""
        return self.send("PUT", path, body=body, headers=headers)

    def patch(self, path: str, body: object = None, *, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a PATCH request. See `send` for the body."""
        return self.send("PATCH", path, body=body, headers=headers)

    def delete(self, path: str, *, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a DELETE request."""
        return self.send("DELETE", path, headers=headers)

    @contextmanager
    def stream(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[OpenAnswer]:
        """Send a request whose response is a `Stream`, and receive it item by item. Leaving the block hangs up.

            with client.stream("GET", "/clock") as answer:
                first = next(iter(answer))

        See `send` for the arguments. Where the handler's iterator raises, events end with one named `error`, and the
        iteration over bytes raises the exception.
        """
        event, context = self._event(method, path, body, query, headers), self._context()
        request = _request(event, context)
        try:
            self._authorize(event)
            request = _request(event, context)
            response = self._app.pipeline.respond(request)
        except OrgError as error:
            response = self._app.pipeline.respond(request, error)
        answer = OpenAnswer(self._app, request, response)
        try:
            yield answer
        finally:
            answer.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request. A body of bytes is sent as it is, any other as JSON; None sends no body."""
        event, context = self._event(method, path, body, query, headers), self._context()
        with rule_coverage.request(self._app, method, path):
            return self._send(event, context)

    def _send(self, event: LambdaEvent, context: LocalContext) -> Answer:
        try:
            self._authorize(event)
        except OrgError as error:
            return Answer(gateway.HTTP_API.to_event(self._app.pipeline.respond(_request(event, context), error), event))
        if any(isinstance(source, gateway.HttpApi) for source in self._app.events):
            return Answer(self._app(event, context))
        # Another source invokes this app; the pipeline is the same for all.
        return Answer(gateway.HTTP_API.to_event(self._app.pipeline.respond(_request(event, context)), event))

    def deliver(self, service_url: str, *, fifo: bool = False) -> Delivery:
        """Deliver the messages in the outbox to the triggers of the app, as the relay and SQS do: ten at a time.

        `service_url` is the URL of the login `app_service`: `database.service_url` of the fixture. Messages of queues
        that the app has no trigger for stay in the outbox. With `fifo` they come through FIFO queues: after a failed
        message, the later ones of its key are given back.
        """
        from org_common.testing.records import deliver_outbox

        return deliver_outbox(self._app, service_url, self._deliver, fifo=fifo)

    def deliver_record(self, queue: str, body: object, *, attributes: Mapping[str, str] | None = None) -> Delivery:
        """Deliver one record that `tx.send` did not write. A string is sent as it is, any other body as JSON."""
        from org_common.testing.records import sqs_record

        return self._deliver([sqs_record(queue, body, attributes=attributes)])

    def invoke(self, event: LambdaEvent) -> LambdaEvent:
        """Invoke the function with an event, such as one of `org_common.testing.records`. Raises what it raises."""
        return self._app(event, LocalContext("test", self._timeout_s))

    def _deliver(self, records: Sequence[Mapping[str, Any]]) -> Delivery:
        from org_common.testing.records import Delivery
        from org_common.triggers.batch import BatchFailed

        try:
            answer = self.invoke({"Records": list(records)})
        except BatchFailed:
            return Delivery(0, records)
        ids = {item["itemIdentifier"] for item in answer["batchItemFailures"]}
        failed = [record for record in records if record["messageId"] in ids]
        return Delivery(len(records) - len(failed), failed)

    def _event(
        self, method: str, path: str, body: object, query: str, headers: Mapping[str, str] | None
    ) -> LambdaEvent:
        sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        head = {"content-type": "application/json", **(headers or {})} if sent else dict(headers or {})
        if self._person is not None:
            head = {"authorization": f"Bearer {self._person.token()}", **head}
        return gateway.event(method, path, query=query, headers=head, body=sent)

    def _context(self) -> LocalContext:
        return LocalContext("test", self._timeout_s, tenant_id=self._tenant_id)

    def _authorize(self, event: LambdaEvent) -> None:
        """Run the authorizer in front of the function, as API Gateway does."""
        context = event["requestContext"]
        if self._person is None or not self._app.identity.needs_authorizer:
            return
        if self._app.pipeline.needs_identity(context["http"]["method"], event["rawPath"]):
            claims = self._person.authorizer().authorize(event["headers"]["authorization"])
            context["authorizer"] = {"lambda": {gateway.CLAIMS_KEY: claims}}


def _person(person: Person | str | None) -> Person | None:
    if isinstance(person, str):
        return Person(subject(person))
    if person is not None and not hasattr(person, "token"):
        raise TypeError(f'Client(person={person!r}): expected a Person. Example: person=Person("local|alice")')
    return person


def _request(event: LambdaEvent, context: LocalContext) -> IncomingRequest:
    request = gateway.HTTP_API.read(event, context)
    assert request is not None
    return request


def _issuer(url: str, email_domain: str) -> TokenIssuer:
    # `cache` alone would let two threads create an issuer each, and sign with keys that one authorizer does not know.
    with _making:
        return _made_issuer(url, email_domain)


@cache
def _made_issuer(url: str, email_domain: str) -> TokenIssuer:
    return TokenIssuer(url, email_domains=[email_domain] if email_domain else (), tenant_claim="tenant")


@cache
def _authorizer(url: str, email_domain: str) -> Authorizer:
    return _issuer(url, email_domain).authorizer()
