"""The settings of logs, metrics and traces, read from environment variables."""

import os

from org_common.lifecycle import startup
from org_common.telemetry.pseudonym import MIN_KEY_LENGTH

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable

    from org_common.values.secret import Reference

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
# Lambda's names of levels that differ from Python's.
_LAMBDA_LEVELS = {"TRACE": "DEBUG", "WARN": "WARNING", "FATAL": "CRITICAL"}
FORMS = ("json", "text", "off")
TRACES = ("auto", "otel", "off")
MAX_DEBUG_LINES = 10_000
NAMESPACE = "org-common"


class Observability:
    """The settings of one process."""

    __slots__ = (
        "debug_lines",
        "debug_sample",
        "emails",
        "form",
        "function",
        "in_lambda",
        "init_type",
        "level",
        "namespace",
        "pseudonym_key",
        "pseudonym_key_secret",
        "redact",
        "traces",
    )

    level: str
    """The lowest level of written log lines."""
    form: str | None
    """ "json", "text" or "off". None if not set: then JSON in Lambda, `observe()` decides in a server, else off."""
    debug_lines: int
    """The number of debug lines to buffer for each request."""
    debug_sample: float
    """The share of requests, 0 to 1, whose debug lines are always written."""
    emails: bool
    """True to log e-mail addresses unmasked."""
    redact: tuple[str, ...]
    """Additional names whose values are masked."""
    pseudonym_key: str | None
    """The key of the users' pseudonyms; None for a random key of the process, or for the stored one."""
    pseudonym_key_secret: "Reference | None"
    """Where that key is stored."""
    namespace: str | None
    """The CloudWatch namespace of the metrics; None without metrics."""
    traces: str
    """ "otel", "off", or "auto": spans if OpenTelemetry's SDK was imported already, by a layer or by the program."""
    function: str | None
    """The name of the Lambda function; None elsewhere."""
    init_type: str
    """How Lambda started the environment: see `lifecycle.startup`."""
    in_lambda: bool
    """True in Lambda and in its emulators."""

    def __init__(
        self,
        *,
        level: str = "INFO",
        form: str | None = None,
        debug_lines: int = 100,
        debug_sample: float = 0.0,
        emails: bool = False,
        redact: tuple[str, ...] = (),
        pseudonym_key: str | None = None,
        pseudonym_key_secret: "Reference | None" = None,
        namespace: str | None = NAMESPACE,
        traces: str = "auto",
        function: str | None = None,
        init_type: str = startup.ON_DEMAND,
        in_lambda: bool = False,
    ) -> None:
        self.level = level
        self.form = form
        self.debug_lines = debug_lines
        self.debug_sample = debug_sample
        self.emails = emails
        self.redact = redact
        self.pseudonym_key = pseudonym_key
        self.pseudonym_key_secret = pseudonym_key_secret
        self.namespace = namespace
        self.traces = traces
        self.function = function
        self.init_type = init_type
        self.in_lambda = in_lambda


def read(get: "Callable[[str], str | None]" = os.environ.get, faults: list[str] | None = None) -> Observability:
    """Read the variables with `get`. For an invalid one, a line is added to `faults`, and its default is used."""
    problems: list[str] = [] if faults is None else faults
    platform = (get("AWS_LAMBDA_LOG_LEVEL") or "").upper()
    metrics = get("ORG_COMMON_METRICS") or NAMESPACE
    if not (metrics.isascii() and len(metrics) < 256 and not metrics.startswith((":", "AWS/"))):
        problems.append(f"ORG_COMMON_METRICS is not a valid CloudWatch namespace or off. Example: {NAMESPACE}")
        metrics = NAMESPACE
    default_level = _LAMBDA_LEVELS.get(platform, platform)
    return Observability(
        level=_choice(
            get, "ORG_COMMON_LOG_LEVEL", LEVELS, default_level if default_level in LEVELS else "INFO", problems
        ),
        form=_choice(get, "ORG_COMMON_LOG_FORM", FORMS, "", problems) or None,
        debug_lines=int(_number(get, "ORG_COMMON_LOG_DEBUG_LINES", 100, MAX_DEBUG_LINES, problems)),
        debug_sample=_number(get, "ORG_COMMON_LOG_DEBUG_SAMPLE", 0, 1, problems),
        emails=_choice(get, "ORG_COMMON_LOG_EMAILS", ("masked", "plain"), "masked", problems) == "plain",
        redact=tuple(name.strip() for name in (get("ORG_COMMON_LOG_REDACT") or "").split(",") if name.strip()),
        pseudonym_key=_pseudonym_key(get, problems),
        pseudonym_key_secret=_pseudonym_key_secret(get, problems),
        namespace=None if metrics == "off" else metrics,
        traces=_choice(get, "ORG_COMMON_TRACES", TRACES, "auto", problems),
        function=get("AWS_LAMBDA_FUNCTION_NAME") or None,
        init_type=startup.initialization_type(get) or startup.ON_DEMAND,
        # Set in Lambda and its emulators only; tests set the function's name too.
        in_lambda=bool(get("AWS_LAMBDA_RUNTIME_API")),
    )


def _pseudonym_key(get: "Callable[[str], str | None]", faults: list[str]) -> str | None:
    key = get("ORG_COMMON_LOG_PSEUDONYM_KEY") or None
    if key is not None and len(key) < MIN_KEY_LENGTH:
        # Not the key itself, nor its length.
        faults.append(
            f"ORG_COMMON_LOG_PSEUDONYM_KEY has fewer than {MIN_KEY_LENGTH} characters. Example: the output of "
            "`openssl rand -hex 32`"
        )
        return None
    return key


def _pseudonym_key_secret(get: "Callable[[str], str | None]", faults: list[str]) -> "Reference | None":
    text = get("ORG_COMMON_LOG_PSEUDONYM_KEY_SECRET")
    if not text:
        return None
    if get("ORG_COMMON_LOG_PSEUDONYM_KEY"):
        faults.append("ORG_COMMON_LOG_PSEUDONYM_KEY and ORG_COMMON_LOG_PSEUDONYM_KEY_SECRET are both set: remove one")
        return None
    from org_common.values.secret import EXAMPLES, Reference

    try:
        return Reference.parse(text)
    except ValueError as error:
        # Not the string, which may be the key itself.
        faults.append(f"ORG_COMMON_LOG_PSEUDONYM_KEY_SECRET {error}. Examples: {EXAMPLES}")
        return None


def _choice(
    get: "Callable[[str], str | None]", name: str, choices: tuple[str, ...], default: str, faults: list[str]
) -> str:
    value = get(name) or default
    if value and value not in choices:
        faults.append(f"{name} is {value!r}. It is one of {', '.join(choices)}. Example: {choices[0]}")
        return default
    return value


def _number(get: "Callable[[str], str | None]", name: str, default: float, most: float, faults: list[str]) -> float:
    value = get(name)
    if not value:
        return default
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number <= most:
        faults.append(f"{name} is {value!r}, which is not a number from 0 to {most}. Example: {default}")
        return default
    return number
