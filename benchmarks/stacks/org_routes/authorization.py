"""The caller of a request. The authorizer in front of the API has verified the token."""

import json
import time

from by_hand import claims_of
from org_routes.problems import Problem

# An access rule of the platform's SQL: raises OC404 for a non-member, and OC403 for a member with a lower role.
REQUIRE = "select app.require(app.has_org_role(%s, %s))"


def caller(event):
    """The claims as JSON."""
    try:
        claims = claims_of(event)
        expires_at = json.loads(claims)["exp"]
    except (KeyError, TypeError, ValueError):
        raise Problem("unauthorized") from None
    # API Gateway may cache the authorizer's response for longer than the token is valid.
    if expires_at < time.time() - 30:
        raise Problem("token_expired")
    return claims
