"""Reading the environment: every variable that the SDK knows, and every fault in it."""

from org_common.lifecycle import startup
from org_common.telemetry import observability
from org_common.values.secret import EXAMPLES, Reference, Secret

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from org_common.config.issuers import Issuer

CURSOR_KEY_LENGTH = 32
# The first is the one that is safe everywhere.
PROFILES = ("transaction-pooler", "direct", "rds-proxy", "rds-proxy-set-local")
AUTHS = ("password", "iam")
MAX_S = 86_400

PREFIX = "ORG_COMMON_"
ALLOW_PLAIN = "ORG_COMMON_ALLOW_PLAIN_SECRETS"
# Read elsewhere, by tools and tests: known all the same.
OTHERS = (
    "ORG_COMMON_CONTRACT",
    "ORG_COMMON_CONTRACT_SEED",
    "ORG_COMMON_DEV_DATA",
    "ORG_COMMON_FAULTS",
    "ORG_COMMON_FUZZ",
    "ORG_COMMON_MIGRATOR_URL",
    "ORG_COMMON_POOLER_URL",
    "ORG_COMMON_POSTGRES_BIN",
    "ORG_COMMON_SOAK",
    "ORG_COMMON_SOAK_SEED",
)
# With less in common a name is somebody else's, and not one of ours misspelt.
_LIKENESS = 0.8

_URL_EXAMPLE = "postgresql://app_login:PASSWORD@db.example.com:6432/app"
_KEYS_EXAMPLE = "the output of `openssl rand -hex 32`; several are separated by commas, the newest first"


class Reading:
    """One pass over an environment. `faults` has a line for each that was found, and none repeats a value.

    Not a dict, and without a `repr` of its own: a traceback that prints its variables prints no environment.
    """

    __slots__ = ("_environ", "asked", "faults", "unknown")

    def __init__(self, environ: "Mapping[str, str]") -> None:
        self._environ = environ
        self.asked: list[str] = []
        self.faults: list[str] = []
        self.unknown: list[str] = []

    def fields(self) -> "dict[str, Any]":
        """What `Settings` is made of; worth something only when there are no faults."""
        found: dict[str, Any] = {
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
        # Each App reads them for itself (telemetry.requests); what is wrong with them is told here as well.
        observability.read(self._get, self.faults)
        self._check_login(found)
        self._check_plain(found)
        self._look_for_unknown()
        found["unknown_variables"] = tuple(self.unknown)
        self._environ = {}
        return found

    def _get(self, name: str) -> str:
        """An empty variable (Terraform's way to say none) is as good as none."""
        self.asked.append(name)
        return self._environ.get(name) or ""

    def _url(self, name: str) -> Secret | None:
        url = Secret(self._get(name))
        if url and not url.reveal().startswith(("postgresql://", "postgres://")):
            self.faults.append(f"{name} is not a PostgreSQL URL. Example: {_URL_EXAMPLE}")
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
        given = self._get(name) or choices[0]
        if given not in choices:
            self.faults.append(f"{name} is {given!r}. It is one of {', '.join(choices)}. Example: {choices[0]}")
        return given

    def _keys(self, name: str) -> tuple[Secret, ...]:
        keys = tuple(Secret(key) for key in self._get(name).split(",") if key)
        if any(len(key.reveal()) < CURSOR_KEY_LENGTH for key in keys):
            self.faults.append(
                f"{name} has a key of fewer than {CURSOR_KEY_LENGTH} characters. Example: {_KEYS_EXAMPLE}"
            )
        return keys

    def _seconds(self, name: str, default: int) -> int:
        given = self._get(name)
        if not given:
            return default
        if not (given.isascii() and given.isdigit() and int(given) <= MAX_S):
            self.faults.append(f"{name} is no number of seconds from 0 to {MAX_S}. Example: {default}")
            return default
        return int(given)

    def _issuers(self, name: str) -> "tuple[Issuer, ...]":
        text = Secret(self._get(name))
        if not text:
            return ()
        # Only where tokens are verified: other functions have no such variable, and do not pay for the import.
        from org_common.config.issuers import EXAMPLE, parse_issuers

        try:
            return parse_issuers(text.reveal())
        except ValueError as error:
            self.faults += [f"{name} {fault}. Example: {EXAMPLE}" for fault in str(error).splitlines()]
            return ()

    def _check_login(self, found: "Mapping[str, Any]") -> None:
        for which in ("", "service_"):
            url, reference = found[f"{which}database_url"], found[f"{which}database_secret"]
            variable = f"{PREFIX}{which.upper()}DATABASE"
            if reference is not None and url is not None and has_password(url):
                self.faults.append(
                    f"{variable}_URL has a password, and {variable}_SECRET is set as well: leave the password out. "
                    "Example: postgresql://db.example.com:6432/app"
                )
        if found["database_auth"] == "iam":
            if found["database_secret"] is not None:
                self.faults.append(
                    "ORG_COMMON_DATABASE_SECRET is set, and ORG_COMMON_DATABASE_AUTH=iam needs no secret"
                )
            if found["database_url"] is None or has_password(found["database_url"]):
                self.faults.append(
                    "ORG_COMMON_DATABASE_AUTH is iam: ORG_COMMON_DATABASE_URL names user and host, and no password. "
                    "Example: postgresql://app_login@db.example.com:5432/app"
                )

    def _check_plain(self, found: "Mapping[str, Any]") -> None:
        allowed = self._get(ALLOW_PLAIN) == "1"
        if allowed or not in_lambda(self._environ):
            return
        plain = [
            (f"{PREFIX}{name.upper()}", f"{PREFIX}{name.removesuffix('_url').upper()}_SECRET")
            for name in ("database_url", "service_database_url", "cursor_keys")
            if found[name] and (name == "cursor_keys" or has_password(found[name]))
        ]
        self.faults += [
            f"{name} holds a secret in plain text, which everybody can read who may look at the function. "
            f"Set {reference} to where it is kept. "
            f"Example: prod/app/{'cursor-keys' if 'KEYS' in name else 'database'}. ({ALLOW_PLAIN}=1 takes it as it is)"
            for name, reference in plain
        ]
        if any(issuer.hs256_secret is not None for issuer in found["issuers"]):
            self.faults.append(
                f"{PREFIX}ISSUERS has an hs256_secret in plain text: let the issuer sign with a key pair. "
                f'Example: "algorithms": ["RS256"]. ({ALLOW_PLAIN}=1 takes it as it is)'
            )
        self.faults += [
            f"{PREFIX}{name.upper()} is an env: reference, and in Lambda that is plain text too. "
            f"Example: prod/app/database. ({ALLOW_PLAIN}=1 takes it as it is)"
            for name in ("database_secret", "service_database_secret", "cursor_keys_secret")
            if found[name] is not None and found[name].service == "env"
        ]

    def _look_for_unknown(self) -> None:
        known = {*self.asked, *OTHERS}
        self.unknown += sorted(name for name in self._environ if name.startswith(PREFIX) and name not in known)
        if not self.unknown:
            return
        from difflib import get_close_matches

        # What all have in front would make all alike.
        rests = [name.removeprefix(PREFIX) for name in known]
        for name in self.unknown:
            meant = get_close_matches(name.removeprefix(PREFIX), rests, 1, _LIKENESS)
            if meant:
                self.faults.append(f"{name} is not a variable of org-common: did you mean {PREFIX}{meant[0]}?")


def in_lambda(environ: "Mapping[str, str]") -> bool:
    """Fargate is none: there AWS itself puts the secrets of a task definition into the environment."""
    return bool(environ.get("AWS_LAMBDA_FUNCTION_NAME")) or environ.get("AWS_EXECUTION_ENV", "").startswith(
        "AWS_Lambda"
    )


def has_password(url: Secret) -> bool:
    """The libpq URL carries one, in front of the host or behind the question mark: told as libpq does.

    What comes before the first @ is a login unless there is a slash in it, whatever else is; names are decoded.
    """
    rest = url.reveal().partition("://")[2]
    before, at, after = rest.partition("@")
    is_login = at and "/" not in before
    if is_login and before.partition(":")[2]:
        return True
    query = (after if is_login else rest).partition("?")[2]
    return any(_decoded(pair.partition("=")[0]) == "password" for pair in query.split("&"))


def _decoded(name: str) -> str:
    if "%" not in name:
        return name
    # Hardly ever: it is an import that others do without.
    from urllib.parse import unquote

    return unquote(name)
