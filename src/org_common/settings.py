"""What the environment tells the SDK, read once, with every fault in one error."""

import os

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping

    from org_common.issuers import Issuer

CURSOR_KEY_LENGTH = 32
# The first is the one that is safe everywhere.
PROFILES = ("transaction-pooler", "direct", "rds-proxy", "rds-proxy-set-local")


class SettingsError(Exception):
    """The environment is not usable. The message has one line a fault: the variable, what was wrong, an example."""


class Settings:
    """Frozen after `from_env`; its `repr` says what is set and never a value that may be secret.

    `database_url` is that of the powerless login (`app_login`), a libpq URL. `cursor_keys` sign the cursors of
    pages: the first signs, all verify, so a key rotates by putting the new one in front. `search_path` is set in
    each unit; empty by default, so that SQL names its schemas and nothing can be put in front of them.
    `database_profile` says what stands in front of the server: "direct", "transaction-pooler" (PgBouncer, Supavisor),
    "rds-proxy", or "rds-proxy-set-local" should the proxy pin on set_config. `issuers` are those whose tokens are
    taken. `is_provisioned`: Lambda has started this environment ahead of its requests (provisioned concurrency).
    """

    __slots__ = (
        "application_name",
        "cursor_keys",
        "database_profile",
        "database_url",
        "is_provisioned",
        "issuers",
        "search_path",
    )

    application_name: str
    cursor_keys: tuple[str, ...]
    database_profile: str
    database_url: str | None
    is_provisioned: bool
    issuers: "tuple[Issuer, ...]"
    search_path: str

    def __init__(
        self,
        *,
        database_url: str | None = None,
        database_profile: str = PROFILES[0],
        cursor_keys: tuple[str, ...] = (),
        search_path: str = "",
        application_name: str = "org-common",
        issuers: "tuple[Issuer, ...]" = (),
        is_provisioned: bool = False,
    ) -> None:
        put = object.__setattr__
        put(self, "database_url", database_url)
        put(self, "database_profile", database_profile)
        put(self, "cursor_keys", cursor_keys)
        put(self, "search_path", search_path)
        put(self, "application_name", application_name)
        put(self, "issuers", issuers)
        put(self, "is_provisioned", is_provisioned)

    @classmethod
    def from_env(cls, environ: "Mapping[str, str]" = os.environ) -> "Settings":
        """Read the settings; `SettingsError` lists every fault at once."""
        faults: list[str] = []
        url = environ.get("ORG_COMMON_DATABASE_URL") or None
        if url is not None and not url.startswith(("postgresql://", "postgres://")):
            faults.append(
                "ORG_COMMON_DATABASE_URL is not a PostgreSQL URL. "
                "Example: postgresql://app_login:PASSWORD@db.example.com:6432/app"
            )
        profile = environ.get("ORG_COMMON_DATABASE_PROFILE") or PROFILES[0]
        if profile not in PROFILES:
            faults.append(f"ORG_COMMON_DATABASE_PROFILE is {profile!r}. It is one of {', '.join(PROFILES)}")
        keys = tuple(key for key in environ.get("ORG_COMMON_CURSOR_KEYS", "").split(",") if key)
        if any(len(key) < CURSOR_KEY_LENGTH for key in keys):
            faults.append(
                f"ORG_COMMON_CURSOR_KEYS has a key of fewer than {CURSOR_KEY_LENGTH} characters. "
                "Example: the output of `openssl rand -hex 32`; several are separated by commas, the newest first"
            )
        issuers = _issuers(environ.get("ORG_COMMON_ISSUERS", ""), faults)
        if faults:
            raise SettingsError("\n".join(faults))
        return cls(
            database_url=url,
            database_profile=profile,
            cursor_keys=keys,
            search_path=environ.get("ORG_COMMON_SEARCH_PATH", ""),
            application_name=environ.get("AWS_LAMBDA_FUNCTION_NAME", "org-common"),
            issuers=issuers,
            is_provisioned=environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "provisioned-concurrency",
        )

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Settings are frozen: {name} is read from the environment once")

    def __delattr__(self, name: str) -> None:
        self.__setattr__(name, None)

    def __repr__(self) -> str:
        return (
            f"Settings(database_url={'***' if self.database_url else None}, "
            f"database_profile={self.database_profile!r}, cursor_keys={len(self.cursor_keys)} keys, "
            f"search_path={self.search_path!r}, application_name={self.application_name!r}, issuers={self.issuers!r})"
        )

    def __reduce__(self) -> str:
        raise TypeError("Settings hold secrets and are not pickled: read them again with Settings.from_env()")


def _issuers(text: str, faults: list[str]) -> "tuple[Issuer, ...]":
    if not text:
        return ()
    # Only where tokens are verified: other functions have no such variable, and do not pay for the import.
    from org_common.issuers import EXAMPLE, parse_issuers

    try:
        return parse_issuers(text)
    except ValueError as error:
        faults += [f"ORG_COMMON_ISSUERS {fault}. Example: {EXAMPLE}" for fault in str(error).splitlines()]
        return ()
