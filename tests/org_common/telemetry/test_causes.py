"""An exception in a log line: where and why, and no value of anybody's."""

from typing import Any

import psycopg
import pytest
from pydantic import BaseModel, ValidationError

from org_common.db.protocol.errors import StatementFailed
from org_common.telemetry.causes import MAX_CAUSES, MAX_FRAMES, described, message_of
from org_common.telemetry.redaction import Redactor
from org_common.values.errors import Conflict

SECRET = "hunter2"


def caught(error: Exception) -> Exception:
    try:
        raise error
    except Exception as raised:  # noqa: BLE001 - it is the one that was given
        return raised


def told(error: BaseException) -> dict[str, Any]:
    return described(error, Redactor())


def test_says_type_words_and_where() -> None:
    found = told(caught(ValueError("3 of 4")))

    assert (found["type"], found["message"]) == ("ValueError", "3 of 4")
    [frame] = found["stack"]
    assert frame.startswith(__file__)
    assert frame.endswith(" caught")


def test_error_of_ours_says_its_code() -> None:
    found = told(Conflict(code="last_owner"))

    assert (found["type"], found["code"]) == ("org_common.values.errors.Conflict", "last_owner")


def test_causes_come_one_within_the_other() -> None:
    def chain() -> None:
        try:
            raise KeyError("a")
        except KeyError as error:
            raise ValueError("b") from error

    with pytest.raises(ValueError, match="b") as raised:
        chain()

    assert told(raised.value)["cause"]["type"] == "KeyError"


def test_what_was_being_handled_is_a_cause_unless_it_was_put_aside() -> None:
    def chain(*, aside: bool) -> None:
        try:
            raise KeyError("a")
        except KeyError:
            if aside:
                raise ValueError("b") from None
            raise ValueError("b")  # noqa: B904 - this is what is tested

    with pytest.raises(ValueError, match="b") as implied:
        chain(aside=False)
    with pytest.raises(ValueError, match="b") as put_aside:
        chain(aside=True)

    assert told(implied.value)["cause"]["type"] == "KeyError"
    assert "cause" not in told(put_aside.value)


def test_circle_and_long_chains_end() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    longest: BaseException = ValueError("0")
    for at in range(20):
        error = ValueError(str(at))
        error.__cause__ = longest
        longest = error

    assert str(told(first)).count("'type'") == 2
    assert str(told(longest)).count("'type'") == MAX_CAUSES


def test_of_a_deep_stack_the_innermost_frames_are_told() -> None:
    def down(left: int) -> None:
        if left == 0:
            raise ValueError
        down(left - 1)

    with pytest.raises(ValueError) as raised:  # noqa: PT011 - it has no words
        down(60)

    stack = told(raised.value)["stack"]
    assert len(stack) == MAX_FRAMES
    assert stack[-1].endswith(" down")


def test_group_tells_its_parts() -> None:
    group = ExceptionGroup("two", [KeyError("a"), ValueError("b")])

    assert [part["type"] for part in told(group)["parts"]] == ["KeyError", "ValueError"]


def test_words_are_redacted() -> None:
    assert told(ValueError(f"password={SECRET}"))["message"] == "password=***"


def test_exception_that_cannot_say_anything_is_told_by_its_type() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert told(Mute())["message"] == ""


def test_statement_s_detail_and_hint_are_not_told() -> None:
    failed = StatementFailed(
        "23505", 'duplicate key value violates unique constraint "users_email_key"', SECRET, SECRET
    )

    found = told(failed)

    assert SECRET not in str(found)
    assert "users_email_key" in found["message"]
    assert found["sqlstate"] == "23505"


@pytest.mark.parametrize(
    ("sqlstate", "message"),
    [
        ("22P02", f'invalid input syntax for type uuid: "{SECRET}"'),
        ("22008", f'date/time field value out of range: "{SECRET}"'),
    ],
)
def test_value_that_did_not_fit_is_not_told(sqlstate: str, message: str) -> None:
    found = told(StatementFailed(sqlstate, message))

    assert SECRET not in str(found)
    assert message.partition(":")[0] in found["message"]


@pytest.mark.db
def test_psycopg_s_own_error_is_told_without_statement_and_values(postgres: str) -> None:
    with psycopg.connect(postgres) as connection, pytest.raises(psycopg.Error) as raised:
        connection.execute("select %s::text::uuid, 'literal-hunter2'", [SECRET])

    found = told(raised.value)

    assert SECRET not in str({**found, "stack": []})
    assert found["message"].startswith("invalid input syntax for type uuid")


def test_model_s_faults_are_told_without_the_input() -> None:
    class Login(BaseModel):
        password: int

    with pytest.raises(ValidationError) as raised:
        Login.model_validate({"password": SECRET})

    assert message_of(raised.value) == "1 faults in Login: password: int_parsing"
