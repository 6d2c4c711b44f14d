"""How a process is observed: what the environment says of its logs, metrics and traces."""

import os

from org_common.lifecycle import startup

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
# Lambda's own names for levels, where they are others.
_LAMBDA_LEVELS = {"TRACE": "DEBUG", "WARN": "WARNING", "FATAL": "CRITICAL"}
FORMS = ("json", "text", "off")
TRACES = ("auto", "otel", "off")
MAX_DEBUG_LINES = 10_000
NAMESPACE = "org-common"


class Observability:
    """`form` is None where the environment leaves it open: on in Lambda, by the terminal in a server, else off.

    `namespace` is CloudWatch's for the metrics, None without metrics. `traces` "auto" makes spans where OpenTelemetry's
    SDK was imported already, by a layer or by the program. `function` is Lambda's name for it, None elsewhere.
    """

    __slots__ = (
        *("debug_lines", "debug_sample", "emails", "form", "function", "in_lambda", "init_type"),
        *("level", "namespace", "redact", "traces"),
    )

    def __init__(
        self,
        *,
        level: str = "INFO",
        form: str | None = None,
        debug_lines: int = 100,
        debug_sample: float = 0.0,
        emails: bool = False,
        redact: tuple[str, ...] = (),
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
        self.namespace = namespace
        self.traces = traces
        self.function = function
        self.init_type = init_type
        self.in_lambda = in_lambda


def read(get: "Callable[[str], str | None]" = os.environ.get, faults: list[str] | None = None) -> Observability:
    """What the variables say; a line for each fault goes to `faults`, and the default holds instead."""
    told: list[str] = [] if faults is None else faults
    platform = (get("AWS_LAMBDA_LOG_LEVEL") or "").upper()
    metrics = get("ORG_COMMON_METRICS") or NAMESPACE
    if not (metrics.isascii() and len(metrics) < 256 and not metrics.startswith((":", "AWS/"))):
        told.append(f"ORG_COMMON_METRICS is no namespace of CloudWatch, and not off. Example: {NAMESPACE}")
        metrics = NAMESPACE
    default_level = _LAMBDA_LEVELS.get(platform, platform)
    return Observability(
        level=_choice(get, "ORG_COMMON_LOG_LEVEL", LEVELS, default_level if default_level in LEVELS else "INFO", told),
        form=_choice(get, "ORG_COMMON_LOG_FORM", FORMS, "", told) or None,
        debug_lines=int(_number(get, "ORG_COMMON_LOG_DEBUG_LINES", 100, MAX_DEBUG_LINES, told)),
        debug_sample=_number(get, "ORG_COMMON_LOG_DEBUG_SAMPLE", 0, 1, told),
        emails=_choice(get, "ORG_COMMON_LOG_EMAILS", ("masked", "plain"), "masked", told) == "plain",
        redact=tuple(name.strip() for name in (get("ORG_COMMON_LOG_REDACT") or "").split(",") if name.strip()),
        namespace=None if metrics == "off" else metrics,
        traces=_choice(get, "ORG_COMMON_TRACES", TRACES, "auto", told),
        function=get("AWS_LAMBDA_FUNCTION_NAME") or None,
        init_type=startup.initialization_type(get) or startup.ON_DEMAND,
        # Set in Lambda and in its emulators; the function's name is set by tests as well.
        in_lambda=bool(get("AWS_LAMBDA_RUNTIME_API")),
    )


def _choice(
    get: "Callable[[str], str | None]", name: str, choices: tuple[str, ...], default: str, faults: list[str]
) -> str:
    given = get(name) or default
    if given and given not in choices:
        faults.append(f"{name} is {given!r}. It is one of {', '.join(choices)}. Example: {choices[0]}")
        return default
    return given


def _number(get: "Callable[[str], str | None]", name: str, default: float, most: float, faults: list[str]) -> float:
    given = get(name)
    if not given:
        return default
    try:
        number = float(given)
    except ValueError:
        number = -1.0
    if not 0 <= number <= most:
        faults.append(f"{name} is {given!r}, and no number from 0 to {most}. Example: {default}")
        return default
    return number
