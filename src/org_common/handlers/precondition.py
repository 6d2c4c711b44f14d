"""Conditional requests: compare the caller's `If-Match` with the stored resource. Imported at the first use."""

from __future__ import annotations

from typing import Any

from org_common.http.etag import entity_tag, matches
from org_common.http.request import Request
from org_common.values.errors import PreconditionFailed, PreconditionRequired

TYPE_CHECKING = False

if TYPE_CHECKING:
    from pydantic import BaseModel


class Precondition:
    """Injectable: the caller's `If-Match` and `If-None-Match`, for optimistic concurrency control.

    The handler reads the resource for update and passes it to `check`:

        @app.put("/orgs/{org_id}", allow=ORG_ADMIN)
        def replace(tx: Transaction, org_id: UUID, body: NewOrg, precondition: Precondition) -> Org:
            precondition.check(tx.one(Org, GET_ORG_FOR_UPDATE, {"org_id": org_id}))
            ...
    """

    __slots__ = ("_match", "_none_match")
    injected = "precondition"

    def __init__(self, request: Request) -> None:
        self._match = request.headers.get("if-match")
        self._none_match = request.headers.get("if-none-match")

    def check(self, current: BaseModel | None, *, required: bool = False) -> None:
        """Raise `PreconditionFailed` (412) unless the caller's condition holds.

        Args:
            current: The stored resource, as the model that its GET route returns; None if it does not exist.
            required: Whether a request without a condition raises `PreconditionRequired` (428).
        """
        if self._match is None and self._none_match is None:
            if required:
                raise PreconditionRequired
            return
        current_tag = None if current is None else entity_tag(_serialize(current))
        # RFC 9110 section 13.2.2. A weak tag allows for differences, so it never matches (13.1.1).
        if self._match is not None and (current_tag is None or not matches(self._match, current_tag, weakly=False)):
            raise PreconditionFailed
        if self._none_match is None or current_tag is None:
            return
        if matches(self._none_match, current_tag, weakly=True):
            raise PreconditionFailed


def _serialize(model: Any) -> bytes:
    from org_common.handlers.schema import model_writer

    return model_writer(type(model))(model)
