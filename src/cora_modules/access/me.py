"""The caller: their first sign-in and their own profile."""

from org_common import SIGNED_IN, TOKEN, Reader, Router, Transaction

from cora_modules.access.models.me import Me, MePatch
from cora_modules.access.queries import me as queries

router = Router("/users/me")


@router.get("", allow=SIGNED_IN)
def get_me(db: Reader) -> Me:
    """Return the caller, with their organizations and their role in each."""
    return db.one(Me, queries.GET_ME)


@router.patch("", allow=SIGNED_IN)
def update_me(tx: Transaction, body: MePatch) -> Me:
    """Change the fields that are sent; `metadata` is merged."""
    return tx.one(Me, queries.UPDATE_ME, {"patch": body})


# `retry=True`: it locks several rows, and a request that deadlocks with another one runs again.
@router.post("/provision", allow=TOKEN, retry=True)
def provision(tx: Transaction) -> Me:
    """First sign-in: create the user of the token if they may join. Returns the existing user."""
    return tx.one(Me, queries.PROVISION)
