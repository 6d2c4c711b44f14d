"""Sessions: the sign-ins that users have recorded."""

from datetime import datetime

from org_common import Model


class Session(Model):
    """The sign-in with one token."""

    started_at: datetime
    expires_at: datetime
    user_agent: str | None
