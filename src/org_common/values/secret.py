"""Secrets that are masked wherever they are printed, and references to stored secrets."""

from org_common.values.frozen import Frozen

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Literal, NoReturn

    Service = Literal["secretsmanager", "ssm", "env"]

MASK = "***"
# The characters that Secrets Manager and Parameter Store allow in a name. Secrets that another service manages have a
# "!" in theirs, such as `rds!cluster-…`.
_NAME = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+=.@-!")
_MAX_NAME_LENGTH = 2048
_SERVICES: "dict[str, Service]" = {"secretsmanager": "secretsmanager", "ssm": "ssm", "env": "env"}
EXAMPLES = "prod/app/database, ssm:/prod/app/database, arn:aws:secretsmanager:eu-west-1:123456789012:secret:app-AbCdEf"


class Secret(Frozen):
    """A string that only `reveal()` returns: masked in `repr`, `str`, formats, JSON and tracebacks, never pickled.

    A copy is the same object. Two secrets are equal when their strings are equal.
    """

    __slots__ = ("_reveal",)

    _reveal: "Callable[[], str]"

    def __init__(self, text: str) -> None:
        if type(text) is not str:
            type_name = type(text).__name__
            # A traceback printed with its variables must not show a secret of another type either.
            del text
            raise TypeError(f"a Secret takes a str, got {type_name}")
        # In a closure and not in the slot: error reporters that walk over attributes find a function.
        self._fill(_reveal=lambda: text)

    def reveal(self) -> str:
        """The string. Pass it on directly, and do not store it in a variable."""
        return self._reveal()

    def __repr__(self) -> str:
        return f"Secret('{MASK}')"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return MASK

    def __bool__(self) -> bool:
        return bool(self.reveal())

    def __eq__(self, other: object) -> bool:
        return self.reveal() == other.reveal() if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.reveal())

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: object) -> "Secret":
        return self

    def __reduce_ex__(self, protocol: object) -> "NoReturn":
        raise TypeError("a Secret cannot be pickled: send its reference, and fetch the secret on the other side")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> "dict[str, Any]":
        # A literal, as this file must not import pydantic: pydantic is the caller.
        return {
            "type": "function-plain",
            "function": {"type": "no-info", "function": _validated},
            "serialization": {"type": "function-plain", "function": str, "when_used": "json"},
        }

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: object, handler: object) -> "dict[str, Any]":
        return {"type": "string", "format": "password", "writeOnly": True}


def _validated(value: object) -> Secret:
    if isinstance(value, Secret):
        return value
    if isinstance(value, str):
        return Secret(value)
    raise ValueError("not a string")


class Reference:
    """The place of a stored secret, parsed from a string such as a variable holds. Not secret itself.

    prod/app/database                    a name of Secrets Manager, or its ARN
    ssm:/prod/app/cursor-keys            a parameter of Parameter Store, or its ARN
    env:MY_VARIABLE                      another environment variable; not in Lambda
    prod/app/database#password           one value of a secret that is a JSON object
    prod/app/database?stage=AWSPREVIOUS  a version other than the current one; `?version=` takes an id,
                                         or a parameter's number or label
    """

    __slots__ = ("id", "key", "service", "stage", "version")

    service: "Service"
    """Where the secret is stored: "secretsmanager", "ssm" (Parameter Store) or "env"."""
    id: str
    """A name, an ARN, or the name of a variable."""
    key: str | None
    """The key of one value, if the secret is a JSON object."""
    stage: str | None
    """A staging label of Secrets Manager, like "AWSPREVIOUS"."""
    version: str | None
    """A version id of Secrets Manager, or a number or label of a parameter."""

    def __init__(
        self,
        service: "Service",
        id: str,
        *,
        key: str | None = None,
        stage: str | None = None,
        version: str | None = None,
    ) -> None:
        self.service = service
        self.id = id
        self.key = key
        self.stage = stage
        self.version = version

    @classmethod
    def parse(cls, text: str) -> "Reference":
        """Parse a reference. The `ValueError` does not repeat the string, which may be the secret itself by mistake."""
        rest, _, key = text.partition("#")
        name, _, query = rest.partition("?")
        service, id = _located(name)
        pairs = [pair.partition("=") for pair in query.split("&") if pair]
        options = {name: value for name, _, value in pairs}
        stage, version = options.pop("stage", None), options.pop("version", None)
        if options or (query and not (stage or version)):
            raise ValueError("has an option after the ? that is neither stage= nor version=")
        if stage is not None and service != "secretsmanager":
            raise ValueError("has a stage, which only Secrets Manager supports: use version= for a parameter's label")
        if "#" in text and not key:
            raise ValueError("ends with a #: add the key of a value in a JSON object after it")
        return cls(service, id, key=key or None, stage=stage, version=version)

    @property
    def stored(self) -> "tuple[str, str, str | None, str | None]":
        """The stored secret to fetch: equal for references that differ only in the key."""
        return self.service, self.id, self.stage, self.version

    def at_stage(self, stage: str) -> "Reference":
        """The same secret at another staging label."""
        return Reference(self.service, self.id, key=self.key, stage=stage)

    @property
    def region(self) -> str | None:
        """The region of an ARN; None for a name, which is in the function's own region."""
        return self.id.split(":")[3] if self.id.startswith("arn:") else None

    def __str__(self) -> str:
        options = [f"{name}={value}" for name, value in (("stage", self.stage), ("version", self.version)) if value]
        prefix = "" if self.service == "secretsmanager" or self.id.startswith("arn:") else f"{self.service}:"
        query = "?" + "&".join(options) if options else ""
        return f"{prefix}{self.id}{query}{'#' + self.key if self.key else ''}"

    def __repr__(self) -> str:
        return f"Reference({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Reference):
            return NotImplemented
        return (self.stored, self.key) == (other.stored, other.key)

    def __hash__(self) -> int:
        return hash((self.stored, self.key))


def _located(name: str) -> "tuple[Service, str]":
    if name.startswith("arn:"):
        return _located_arn(name)
    prefix, colon, id = name.partition(":")
    if not colon:
        prefix, id = "secretsmanager", name
    service = _SERVICES.get(prefix)
    if service == "ssm":
        _check_version(id)
    if service is None or not _is_name(id):
        raise ValueError("is not a valid reference to a secret")
    if service == "env" and not id.isidentifier():
        raise ValueError("has an env: without the name of a variable after it")
    return service, id


def _located_arn(arn: str) -> "tuple[Service, str]":
    """arn:PARTITION:secretsmanager:REGION:ACCOUNT:secret:NAME or arn:PARTITION:ssm:REGION:ACCOUNT:parameter/NAME."""
    parts = arn.split(":", 5)
    service, resource = (parts[2], parts[5]) if len(parts) == 6 else ("", "")
    if service == "secretsmanager" and resource.startswith("secret:"):
        name, colon, _ = resource.removeprefix("secret:").partition(":")
        if colon:
            # As ECS writes it in `valueFrom`: NAME:KEY:STAGE:VERSION.
            raise ValueError(
                "has a key, stage or version after a colon: write #KEY, ?stage=STAGE or ?version=ID instead"
            )
        if _is_name(name):
            return "secretsmanager", arn
    if service == "ssm" and resource.startswith("parameter/"):
        name = resource.removeprefix("parameter/")
        _check_version(name)
        if _is_name(name):
            return "ssm", arn
    raise ValueError("is an ARN of neither a secret in Secrets Manager nor a parameter")


def _check_version(parameter: str) -> None:
    """Raises `ValueError` for SSM's own way to select a version of a parameter, `NAME:3`."""
    name, colon, version = parameter.partition(":")
    if colon and _is_name(name) and _is_name(version):
        raise ValueError(
            "has a version or label after a colon: write ?version= instead. Example: ssm:/prod/app?version=3"
        )


def _is_name(text: str) -> bool:
    return 0 < len(text) <= _MAX_NAME_LENGTH and _NAME.issuperset(text)
