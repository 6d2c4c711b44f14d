"""Sessions: a record of sign-ins. A session grants no access; tokens do."""

from typing import Annotated

from org_common import SIGNED_IN, Header, Identity, NotFound, Router, Transaction

from cora_modules.access.models.sessions import Session
from cora_modules.access.queries import sessions as queries

router = Router("/users/me/session")


@router.post("", allow=SIGNED_IN, status=201)
def start_session(tx: Transaction, identity: Identity, user_agent: Annotated[str | None, Header()] = None) -> Session:
    """Record the sign-in with this token. The same token continues its session."""
    token = {"token_id": identity.token_id, "expires_at": identity.expires_at}
    return tx.one(Session, queries.START_SESSION, {**token, "user_agent": user_agent})


@router.delete("", allow=SIGNED_IN, raises=[NotFound])
def end_session(tx: Transaction) -> None:
    """Record the sign-out, which ends all sessions of the caller. Their tokens stay valid until they expire."""
    tx.value(queries.END_SESSIONS)
