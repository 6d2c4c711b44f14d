"""Conditional requests: whether the caller's `If-Match` names the stored state. Imported at the first use."""

from __future__ import annotations

from typing import Any

from org_common.http.etag import entity_tag, matches
from org_common.http.request import Request
from org_common.values.errors import PreconditionFailed, PreconditionRequired

TYPE_CHECKING = False

if TYPE_CHECKING:
    from pydantic import BaseModel


class Precondition:
    """Injectable: whether the caller's `If-Match` names what is stored. `check` compares, the handler knows with what.

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
        """`PreconditionFailed` (412) unless the caller means this state: the model as its GET route answers it.

        None is a resource that is not there. Without a condition all is well, or `PreconditionRequired` (428).
        """
        if self._match is None and self._none_match is None:
            if required:
                raise PreconditionRequired
            return
        found = None if current is None else entity_tag(_written(current))
        # RFC 9110 section 13.2.2; a weak tag says that something may differ, so it does not match (13.1.1).
        if self._match is not None and (found is None or not matches(self._match, found, weakly=False)):
            raise PreconditionFailed
        if self._none_match is not None and found is not None and matches(self._none_match, found, weakly=True):
            raise PreconditionFailed


def _written(model: Any) -> bytes:
    from org_common.handlers.schema import model_writer

    return model_writer(type(model))(model)
