"""The environment says how much is written, and where it says nonsense that is told."""

import pytest

from org_common.telemetry.observability import read


def test_without_variables_the_defaults_hold() -> None:
    environ: dict[str, str] = {}

    how = read(environ.get)

    assert (how.level, how.form, how.namespace, how.traces) == ("INFO", None, "org-common", "auto")
    assert (how.debug_lines, how.debug_sample, how.emails, how.redact) == (100, 0.0, False, ())
    assert (how.function, how.init_type, how.in_lambda) == (None, "on-demand", False)


def test_variables_are_read() -> None:
    how = read(
        {
            "ORG_COMMON_LOG_LEVEL": "WARNING",
            "ORG_COMMON_LOG_FORM": "text",
            "ORG_COMMON_LOG_DEBUG_LINES": "7",
            "ORG_COMMON_LOG_DEBUG_SAMPLE": "0.25",
            "ORG_COMMON_LOG_EMAILS": "plain",
            "ORG_COMMON_LOG_REDACT": "iban, tax_id,",
            "ORG_COMMON_LOG_PSEUDONYM_KEY": "k" * 32,
            "ORG_COMMON_METRICS": "shop",
            "ORG_COMMON_TRACES": "otel",
            "AWS_LAMBDA_FUNCTION_NAME": "access-orgs",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
            "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
        }.get
    )

    assert (how.level, how.form, how.namespace, how.traces) == ("WARNING", "text", "shop", "otel")
    assert (how.debug_lines, how.debug_sample, how.emails, how.redact) == (7, 0.25, True, ("iban", "tax_id"))
    assert (how.function, how.init_type, how.in_lambda) == ("access-orgs", "snap-start", True)
    assert how.pseudonym_key == "k" * 32


def test_short_pseudonym_key_is_a_fault_that_does_not_repeat_it() -> None:
    faults: list[str] = []

    how = read({"ORG_COMMON_LOG_PSEUDONYM_KEY": "hunter2"}.get, faults)

    assert how.pseudonym_key is None
    [fault] = faults
    assert "fewer than 32 characters" in fault
    assert "hunter2" not in fault


def test_pseudonym_key_may_be_stored() -> None:
    faults: list[str] = []

    how = read({"ORG_COMMON_LOG_PSEUDONYM_KEY_SECRET": "prod/app/pseudonyms#key"}.get, faults)

    assert (str(how.pseudonym_key_secret), how.pseudonym_key, faults) == ("prod/app/pseudonyms#key", None, [])


@pytest.mark.parametrize(
    ("environ", "fault"),
    [
        ({"ORG_COMMON_LOG_PSEUDONYM_KEY_SECRET": "hunter2 " * 8}, "is not a valid reference to a secret"),
        (
            {"ORG_COMMON_LOG_PSEUDONYM_KEY_SECRET": "prod/app/p", "ORG_COMMON_LOG_PSEUDONYM_KEY": "hunter2" * 8},
            "are both set: remove one",
        ),
    ],
)
def test_wrong_reference_to_the_pseudonym_key_is_a_fault(environ: dict[str, str], fault: str) -> None:
    faults: list[str] = []

    how = read(environ.get, faults)

    assert how.pseudonym_key_secret is None
    [text] = faults
    assert fault in text
    assert "hunter2" not in text


def test_metrics_can_be_off() -> None:
    assert read({"ORG_COMMON_METRICS": "off"}.get).namespace is None


@pytest.mark.parametrize(
    ("lambda_s", "ours", "level"),
    [
        ("TRACE", None, "DEBUG"),
        ("WARN", None, "WARNING"),
        ("FATAL", None, "CRITICAL"),
        ("error", None, "ERROR"),
        ("WARN", "INFO", "INFO"),
        ("LOUD", None, "INFO"),
    ],
)
def test_level_of_the_function_s_configuration_holds_unless_ours_is_set(
    lambda_s: str, ours: str | None, level: str
) -> None:
    environ = {"AWS_LAMBDA_LOG_LEVEL": lambda_s} | ({} if ours is None else {"ORG_COMMON_LOG_LEVEL": ours})

    assert read(environ.get).level == level


@pytest.mark.parametrize(
    ("variable", "value", "attribute", "default"),
    [
        ("ORG_COMMON_LOG_LEVEL", "info", "level", "INFO"),
        ("ORG_COMMON_LOG_FORM", "yaml", "form", None),
        ("ORG_COMMON_LOG_DEBUG_LINES", "-1", "debug_lines", 100),
        ("ORG_COMMON_LOG_DEBUG_LINES", "many", "debug_lines", 100),
        ("ORG_COMMON_LOG_DEBUG_SAMPLE", "2", "debug_sample", 0.0),
        ("ORG_COMMON_LOG_DEBUG_SAMPLE", "nan", "debug_sample", 0.0),
        ("ORG_COMMON_LOG_EMAILS", "yes", "emails", False),
        ("ORG_COMMON_METRICS", "AWS/Lambda", "namespace", "org-common"),
        ("ORG_COMMON_METRICS", "x" * 256, "namespace", "org-common"),
        ("ORG_COMMON_TRACES", "xray", "traces", "auto"),
    ],
)
def test_nonsense_is_told_with_an_example_and_changes_nothing(
    variable: str, value: str, attribute: str, default: object
) -> None:
    faults: list[str] = []

    how = read({variable: value}.get, faults)

    [fault] = faults
    assert fault.startswith(variable)
    assert "Example: " in fault
    assert getattr(how, attribute) == default
