"""Reads the settings from environment variables, and collects every fault."""

from org_common.lifecycle import startup
from org_common.telemetry import observability
from org_common.values.secret import EXAMPLES, Reference, Secret

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from org_common.config.issuers import Issuer

CURSOR_KEY_LENGTH = 32
# The first is safe everywhere.
PROFILES = ("transaction-pooler", "pgbouncer", "direct", "rds-proxy", "rds-proxy-set-local")
AUTHS = ("password", "iam")
MAX_S = 86_400

PREFIX = "ORG_COMMON_"
ALLOW_PLAIN = "ORG_COMMON_ALLOW_PLAIN_SECRETS"
# Read elsewhere: while psycopg and pydantic are imported, by tools and by tests.
OTHERS = (
    "ORG_COMMON_CHECK_URL",
    "ORG_COMMON_CONTRACT",
    "ORG_COMMON_CONTRACT_SEED",
    "ORG_COMMON_COST_URL",
    "ORG_COMMON_DEV_AWS",
    "ORG_COMMON_DEV_DATA",
    "ORG_COMMON_DEV_SQL",
    "ORG_COMMON_FAULTS",
    "ORG_COMMON_FUZZ",
    "ORG_COMMON_LINT_URL",
    "ORG_COMMON_MIGRATOR_URL",
    "ORG_COMMON_MONITOR_URL",
    "ORG_COMMON_POOLER_URL",
    "ORG_COMMON_POSTGRES_BIN",
    "ORG_COMMON_PRECOMPILED",
    "ORG_COMMON_PROVE_URL",
    "ORG_COMMON_PSYCOPG",
    "ORG_COMMON_PYDANTIC",
    "ORG_COMMON_SOAK",
    "ORG_COMMON_SOAK_SEED",
)
# A less similar name is not a misspelling of one of ours.
_LIKENESS = 0.8

_URL_EXAMPLE = "postgresql://app_login:PASSWORD@db.example.com:6432/app"
_KEYS_EXAMPLE = "the output of `openssl rand -hex 32`; several are separated by commas, the newest first"


class SettingsReader:
    """Reads one environment, once.

    It has no `repr` of its own, so that a traceback printed with its variables does not show the environment.
    """

    __slots__ = ("_environ", "faults", "requested", "unknown")

    requested: list[str]
    """The variables that were read, set or not."""
    faults: list[str]
    """One line for each fault; none repeats a value that may be secret."""
    unknown: list[str]
    """Variables `ORG_COMMON_…` that the SDK does not know."""

    def __init__(self, environ: "Mapping[str, str]") -> None:
        self._environ = environ
        self.requested = []
        self.faults = []
        self.unknown = []

    def fields(self) -> "dict[str, Any]":
        """The arguments of `Settings`, valid only if there are no faults."""
        fields: dict[str, Any] = {
            "database_url": self._url("ORG_COMMON_DATABASE_URL"),
            "database_secret": self._reference("ORG_COMMON_DATABASE_SECRET"),
            "database_auth": self._choice("ORG_COMMON_DATABASE_AUTH", AUTHS),
            "database_profile": self._choice("ORG_COMMON_DATABASE_PROFILE", PROFILES),
            "service_database_url": self._url("ORG_COMMON_SERVICE_DATABASE_URL"),
            "service_database_secret": self._reference("ORG_COMMON_SERVICE_DATABASE_SECRET"),
            "cursor_keys": self._keys("ORG_COMMON_CURSOR_KEYS"),
            "cursor_keys_secret": self._reference("ORG_COMMON_CURSOR_KEYS_SECRET"),
            "search_path": self._get("ORG_COMMON_SEARCH_PATH"),
            "secrets_ttl_s": self._seconds("ORG_COMMON_SECRETS_TTL_S", 300),
            "secrets_stale_s": self._seconds("ORG_COMMON_SECRETS_STALE_S", 3600),
            "application_name": self._get("AWS_LAMBDA_FUNCTION_NAME") or "org-common",
            "issuers": self._issuers("ORG_COMMON_ISSUERS"),
            "is_provisioned": startup.initialization_type(self._get) == startup.PROVISIONED,
        }
        # Each App reads these itself (telemetry.requests); their faults are reported here too.
        observability.read(self._get, self.faults)
        self._check_login(fields)
        self._check_plain(fields)
        self._check_unknown()
        fields["unknown_variables"] = tuple(self.unknown)
        self._environ = {}
        return fields

    def _get(self, name: str) -> str:
        """The value; "" for a variable that is not set. Terraform sets an empty one for null."""
        self.requested.append(name)
        return self._environ.get(name) or ""

    def _url(self, name: str) -> Secret | None:
        url = Secret(self._get(name))
        text = url.reveal().strip()
        if url and not text.startswith(("postgresql://", "postgres://")):
            # As SQLAlchemy writes it: postgresql+psycopg://
            scheme, separator, _ = text.partition("://")
            database, _, driver = scheme.partition("+")
            is_driver = separator and database in ("postgresql", "postgres") and driver.isalnum()
            remedy = f"Remove +{driver}." if is_driver else f"Example: {_URL_EXAMPLE}"
            self.faults.append(f"{name} is not a PostgreSQL URL. {remedy}")
        return url or None

    def _reference(self, name: str) -> Reference | None:
        text = Secret(self._get(name))
        if not text:
            return None
        try:
            return Reference.parse(text.reveal())
        except ValueError as error:
            self.faults.append(f"{name} {error}. Examples: {EXAMPLES}; one value of a JSON object: prod/app/all#key")
            return None

    def _choice(self, name: str, choices: "Sequence[str]") -> str:
        value = self._get(name) or choices[0]
        if value not in choices:
            self.faults.append(f"{name} is {value!r}. It is one of {', '.join(choices)}. Example: {choices[0]}")
        return value

    def _keys(self, name: str) -> tuple[Secret, ...]:
        keys = tuple(Secret(key) for key in self._get(name).split(",") if key)
        if any(len(key.reveal()) < CURSOR_KEY_LENGTH for key in keys):
            self.faults.append(
                f"{name} has a key of fewer than {CURSOR_KEY_LENGTH} characters. Example: {_KEYS_EXAMPLE}"
            )
        return keys

    def _seconds(self, name: str, default: int) -> int:
        value = self._get(name)
        if not value:
            return default
        if not (value.isascii() and value.isdigit() and int(value) <= MAX_S):
            self.faults.append(f"{name} is not a number of seconds from 0 to {MAX_S}. Example: {default}")
            return default
        return int(value)

    def _issuers(self, name: str) -> "tuple[Issuer, ...]":
        text = Secret(self._get(name))
        if not text:
            return ()
        # Imported only where tokens are verified: other functions do not set the variable.
        from org_common.config.issuers import EXAMPLE, parse_issuers

        try:
            return parse_issuers(text.reveal())
        except ValueError as error:
            self.faults += [f"{name} {fault}. Example: {EXAMPLE}" for fault in str(error).splitlines()]
            return ()

    def _check_login(self, fields: "Mapping[str, Any]") -> None:
        for login in ("", "service_"):
            url, reference = fields[f"{login}database_url"], fields[f"{login}database_secret"]
            variable = f"{PREFIX}{login.upper()}DATABASE"
            if reference is not None and url is not None and has_password(url):
                self.faults.append(
                    f"{variable}_URL has a password although {variable}_SECRET is set: remove the password. "
                    "Example: postgresql://db.example.com:6432/app"
                )
        if fields["database_auth"] == "iam":
            if fields["database_secret"] is not None:
                self.faults.append(
                    "ORG_COMMON_DATABASE_SECRET is set although ORG_COMMON_DATABASE_AUTH=iam uses no secret: remove one"
                )
            if fields["database_url"] is None or has_password(fields["database_url"]):
                self.faults.append(
                    "ORG_COMMON_DATABASE_AUTH is iam: ORG_COMMON_DATABASE_URL must name user and host, no password. "
                    "Example: postgresql://app_login@db.example.com:5432/app"
                )

    def _check_plain(self, fields: "Mapping[str, Any]") -> None:
        allowed = self._get(ALLOW_PLAIN) == "1"
        if allowed or not in_lambda(self._environ):
            return
        plain = [
            (f"{PREFIX}{name.upper()}", f"{PREFIX}{name.removesuffix('_url').upper()}_SECRET")
            for name in ("database_url", "service_database_url", "cursor_keys")
            if fields[name] and (name == "cursor_keys" or has_password(fields[name]))
        ]
        self.faults += [
            f"{name} holds a secret in plain text, visible to everyone who may view the function's configuration. "
            f"Store it, and set {reference} to its reference. "
            f"Example: prod/app/{'cursor-keys' if 'KEYS' in name else 'database'}. ({ALLOW_PLAIN}=1 accepts plain text)"
            for name, reference in plain
        ]
        if any(issuer.hs256_secret is not None for issuer in fields["issuers"]):
            self.faults.append(
                f"{PREFIX}ISSUERS has an hs256_secret in plain text: configure the issuer to sign with a key pair. "
                f'Example: "algorithms": ["RS256"]. ({ALLOW_PLAIN}=1 accepts plain text)'
            )
        self.faults += [
            f"{PREFIX}{name.upper()} is an env: reference, which is plain text in Lambda too. "
            f"Example: prod/app/database. ({ALLOW_PLAIN}=1 accepts plain text)"
            for name in ("database_secret", "service_database_secret", "cursor_keys_secret")
            if fields[name] is not None and fields[name].service == "env"
        ]

    def _check_unknown(self) -> None:
        known = {*self.requested, *OTHERS}
        self.unknown += sorted(name for name in self._environ if name.startswith(PREFIX) and name not in known)
        if not self.unknown:
            return
        from difflib import get_close_matches

        # Without the common prefix, which would make all names similar.
        rests = [name.removeprefix(PREFIX) for name in known]
        for name in self.unknown:
            meant = get_close_matches(name.removeprefix(PREFIX), rests, 1, _LIKENESS)
            if meant:
                self.faults.append(f"{name} is not a variable of org-common: did you mean {PREFIX}{meant[0]}?")


def in_lambda(environ: "Mapping[str, str]") -> bool:
    """True in Lambda. False in Fargate, where AWS itself puts the secrets of a task definition into the environment."""
    return bool(environ.get("AWS_LAMBDA_FUNCTION_NAME")) or environ.get("AWS_EXECUTION_ENV", "").startswith(
        "AWS_Lambda"
    )


def has_password(url: Secret) -> bool:
    """True if the libpq URL has a password, before the host or in the query. Parsed as libpq does.

    The part before the first @ is the login, unless it contains a slash; names in the query are percent-decoded.
    """
    rest = url.reveal().partition("://")[2]
    login, at, location = rest.partition("@")
    is_login = at and "/" not in login
    if is_login and login.partition(":")[2]:
        return True
    query = (location if is_login else rest).partition("?")[2]
    return any(_decoded(pair.partition("=")[0]) == "password" for pair in query.split("&"))


def _decoded(name: str) -> str:
    if "%" not in name:
        return name
    # Imported here, as hardly any URL needs it.
    from urllib.parse import unquote

    return unquote(name)
