"""Connection profiles: direct, transaction pooler or RDS Proxy, and what each one rules out."""

from __future__ import annotations

from collections.abc import Sequence

from org_common.db.protocol.statement import StatementError, Wire


class Profile:
    """How transactions are sent to this type of peer.

    No profile sends `options`, session state or a cancel request.

    `prepares`: use named prepared statements. Never behind a transaction pooler: on PgBouncer 1.18 a Bind has reached
    another client's statement of the same name (measured), and would have run it had the parameter counts matched.
    `asks`: use them if the pooler turns out to keep track of them.
    `resets`: begin each transaction with RESET ALL, so that a session setting made by a project's function does not
    leak into the next one. Not behind a pooler: it would undo what the pooler has set for its client, such as the
    client encoding.
    `set_local`: send role, claims and limits as `SET LOCAL` statements instead of one `set_config` statement.
    `statement_limit_bytes`: a longer statement would pin the client to one server connection.
    """

    # Not a dataclass: creating one takes longer than importing the rest of this file (1 ms of a cold start).
    __slots__ = ("asks", "name", "prepares", "resets", "set_local", "statement_limit_bytes")

    def __init__(
        self,
        name: str,
        *,
        prepares: bool = False,
        asks: bool = False,
        resets: bool = False,
        set_local: bool = False,
        statement_limit_bytes: int | None = None,
    ) -> None:
        self.name: str = name
        self.prepares: bool = prepares
        self.asks: bool = asks
        self.resets: bool = resets
        self.set_local: bool = set_local
        self.statement_limit_bytes: int | None = statement_limit_bytes

    def check(self, statements: Sequence[Wire]) -> None:
        """Raises `StatementError` for SQL that is too long."""
        limit = self.statement_limit_bytes
        if limit is not None and any(len(statement[0]) > limit for statement in statements):
            raise StatementError(
                f"with profile {self.name} a statement has at most {limit} bytes: pass values as parameters"
            )


DIRECT = Profile("direct", prepares=True, resets=True)
TRANSACTION_POOLER = Profile("transaction-pooler")
PGBOUNCER = Profile("pgbouncer", asks=True)
# AWS lists `set_config` among what pins a session and `SET LOCAL` among what does not, without saying whether a local
# set_config counts: watch DatabaseConnectionsCurrentlySessionPinned, and use the profile that does not pin.
RDS_PROXY = Profile("rds-proxy", statement_limit_bytes=16 * 1024)
RDS_PROXY_SET_LOCAL = Profile("rds-proxy-set-local", set_local=True, statement_limit_bytes=16 * 1024)

PROFILES = {
    profile.name: profile for profile in (TRANSACTION_POOLER, PGBOUNCER, DIRECT, RDS_PROXY, RDS_PROXY_SET_LOCAL)
}
