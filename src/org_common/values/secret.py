"""A secret, which does not show itself, and the reference to one that is kept elsewhere."""

from org_common.values.frozen import Frozen

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Literal, NoReturn

    Service = Literal["secretsmanager", "ssm", "env"]

MASK = "***"
# What Secrets Manager and Parameter Store let a name be made of.
_NAME = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+=.@-")
_MAX_NAME_LENGTH = 2048
_SERVICES: "dict[str, Service]" = {"secretsmanager": "secretsmanager", "ssm": "ssm", "env": "env"}
EXAMPLES = "prod/app/database, ssm:/prod/app/database, arn:aws:secretsmanager:eu-west-1:123456789012:secret:app-AbCdEf"


class Secret(Frozen):
    """A text that only `reveal()` tells: masked in `repr`, `str`, formats, JSON and tracebacks, and never pickled.

    Copies are the same object. Two secrets are equal when their texts are.
    """

    __slots__ = ("_reveal",)

    _reveal: "Callable[[], str]"

    def __init__(self, text: str) -> None:
        if type(text) is not str:
            kind = type(text).__name__
            # Whoever prints this traceback with its variables gets no secret of another type either.
            del text
            raise TypeError(f"a Secret holds a text, and this is {kind}")
        # In a closure and not in the slot: what walks over attributes (error reporters do) finds a function.
        self._fill(_reveal=lambda: text)

    def reveal(self) -> str:
        """The text. Pass it on at once, and keep it in no variable of yours."""
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
        raise TypeError("a Secret is not pickled: send its reference, and fetch it on the other side")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> "dict[str, Any]":
        # As a literal: this file must not import pydantic, and whoever asks has it.
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
    raise ValueError("not a text")


class Reference:
    """Where a secret is, as a text in the environment says it. Not secret itself.

    prod/app/database                    a name of Secrets Manager, or its ARN
    ssm:/prod/app/cursor-keys            a parameter of Parameter Store, or its ARN
    env:MY_VARIABLE                      another variable of this environment; not in Lambda
    prod/app/database#password           one value of a secret that is a JSON object
    prod/app/database?stage=AWSPREVIOUS  another version than the current one; `?version=` takes an id,
                                         and a parameter's number or label
    """

    __slots__ = ("id", "key", "service", "stage", "version")

    service: "Service"

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
        """`ValueError` says what is wrong, and does not repeat the text: it may be the secret itself, put there."""
        rest, _, key = text.partition("#")
        name, _, query = rest.partition("?")
        service, id = _located(name)
        pairs = [pair.partition("=") for pair in query.split("&") if pair]
        chosen = {each[0]: each[2] for each in pairs}
        stage, version = chosen.pop("stage", None), chosen.pop("version", None)
        if chosen or (query and not (stage or version)):
            raise ValueError("has something behind the ? that is neither stage= nor version=")
        if stage is not None and service != "secretsmanager":
            raise ValueError("has a stage, which only Secrets Manager knows: use version= for a parameter's label")
        if "#" in text and not key:
            raise ValueError("ends with a #: behind it stands the name of one value of a JSON object")
        return cls(service, id, key=key or None, stage=stage, version=version)

    @property
    def whole(self) -> "tuple[str, str, str | None, str | None]":
        """What is fetched: equal for references that differ in the key alone."""
        return self.service, self.id, self.stage, self.version

    def at_stage(self, stage: str) -> "Reference":
        return Reference(self.service, self.id, key=self.key, stage=stage)

    @property
    def region(self) -> str | None:
        """That of the ARN; None for a name, which is in the function's own."""
        return self.id.split(":")[3] if self.id.startswith("arn:") else None

    def __str__(self) -> str:
        chosen = [f"{name}={value}" for name, value in (("stage", self.stage), ("version", self.version)) if value]
        prefix = "" if self.service == "secretsmanager" or self.id.startswith("arn:") else f"{self.service}:"
        query = "?" + "&".join(chosen) if chosen else ""
        return f"{prefix}{self.id}{query}{'#' + self.key if self.key else ''}"

    def __repr__(self) -> str:
        return f"Reference({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Reference):
            return NotImplemented
        return (self.whole, self.key) == (other.whole, other.key)

    def __hash__(self) -> int:
        return hash((self.whole, self.key))


def _located(name: str) -> "tuple[Service, str]":
    if name.startswith("arn:"):
        parts = name.split(":", 6)
        if len(parts) == 7 and parts[2] == "secretsmanager" and parts[5] == "secret" and _is_name(parts[6]):
            return "secretsmanager", name
        if len(parts) == 6 and parts[2] == "ssm" and _is_name(parts[5].removeprefix("parameter/")):
            return "ssm", name
        raise ValueError("is an ARN, but of no secret of Secrets Manager and of no parameter")
    prefix, colon, id = name.partition(":")
    if not colon:
        prefix, id = "secretsmanager", name
    service = _SERVICES.get(prefix)
    if service is None or not _is_name(id):
        raise ValueError("is no reference to a secret")
    if service == "env" and not id.isidentifier():
        raise ValueError("has an env: without the name of a variable behind it")
    return service, id


def _is_name(text: str) -> bool:
    return 0 < len(text) <= _MAX_NAME_LENGTH and _NAME.issuperset(text)
