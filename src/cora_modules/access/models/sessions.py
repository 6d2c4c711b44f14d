"""Sessions: the sign-ins that users have recorded."""

from datetime import datetime

from org_common import Model


class Session(Model):
    """A sign-in with one token. It grants no access."""

    started_at: datetime
    expires_at: datetime
    """When the token expires."""
    user_agent: str | None
    """The header `User-Agent` of the request that recorded the sign-in, at most 400 characters."""
