"""One line a record: JSON with what is known of the request, without secrets, and whole."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from org_common.telemetry.invocation import Invocation, current
from org_common.telemetry.line import MAX_LINE_LENGTH
from org_common.telemetry.log import bind_fields, configure, get_logger
from org_common.telemetry.trace_context import Trace
from tests.support.lines import untouched_logging


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    with untouched_logging():
        yield


@pytest.fixture
def request_() -> Iterator[Invocation]:
    invocation = Invocation({"function": "orders", "request_id": "r-1"}, Trace("1" * 32))
    token = current.set(invocation)
    yield invocation
    current.reset(token)


def written(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_line_has_time_level_message_and_logger(capsys: pytest.CaptureFixture[str]) -> None:
    configure()

    logging.getLogger("shop").info("saved %d rows", 3)

    [line] = written(capsys)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("timestamp"))
    assert line == {"level": "INFO", "message": "saved 3 rows", "logger": "shop"}


def test_line_has_the_fields_of_its_request(capsys: pytest.CaptureFixture[str], request_: Invocation) -> None:
    configure()

    logging.getLogger("shop").info("saved")

    [line] = written(capsys)
    assert (line["function"], line["request_id"]) == ("orders", "r-1")


def test_extra_are_fields_and_masked(capsys: pytest.CaptureFixture[str]) -> None:
    configure()

    logging.getLogger("shop").info("saved", extra={"order": {"id": 7, "token": "abc"}, "api_key": "abc"})

    [line] = written(capsys)
    assert (line["order"], line["api_key"]) == ({"id": 7, "token": "***"}, "***")


def test_extra_does_not_take_the_place_of_the_sdk_s_fields(
    capsys: pytest.CaptureFixture[str], request_: Invocation
) -> None:
    configure()

    logging.getLogger("shop").info("saved", extra={"level": "low", "request_id": "mine"})

    [line] = written(capsys)
    assert (line["level"], line["request_id"]) == ("INFO", "r-1")
    assert (line["level_"], line["request_id_"]) == ("low", "mine")


def test_message_and_arguments_are_masked(capsys: pytest.CaptureFixture[str]) -> None:
    configure()

    logging.getLogger("shop").info(
        "event %s of %s", {"headers": {"authorization": "Bearer abcdefgh"}}, "al@example.com"
    )

    [line] = written(capsys)
    assert line["message"] == "event {'headers': {'authorization': ***}} of [email]"


def test_dict_as_a_message_stays_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure()

    logging.getLogger("shop").info({"event": "saved", "password": "x"})

    [line] = written(capsys)
    assert line["message"] == {"event": "saved", "password": "***"}


def test_exception_is_a_field(capsys: pytest.CaptureFixture[str]) -> None:
    configure()

    try:
        raise ValueError("password=hunter2")
    except ValueError:
        logging.getLogger("shop").exception("failed")

    [line] = written(capsys)
    assert (line["error"]["type"], line["error"]["message"]) == ("ValueError", "password=***")
    assert "test_exception_is_a_field" in line["error"]["stack"][0]


@pytest.mark.parametrize("text", ["two\nlines", '"quoted"', "\x1b[31mred\x00", "half \ud83d a character", "…"])
def test_any_text_is_one_line_of_json(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure()

    logging.getLogger("shop").info(text, extra={"field": text})

    assert len(written(capsys)) == 1


def test_too_long_a_line_keeps_its_head(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    many = {f"field_{at}": "word " * 3000 for at in range(40)}

    logging.getLogger("shop").info("saved", extra=many)

    [out] = capsys.readouterr().out.splitlines()
    assert len(out) < MAX_LINE_LENGTH
    assert json.loads(out)["message"] == "saved"
    assert json.loads(out)["cut_from_bytes"] > MAX_LINE_LENGTH


def test_line_that_cannot_be_written_says_so_without_its_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    # pytest's own handler would raise.
    logging.getLogger().handlers[:] = [configure()]

    logging.getLogger("shop").info("%d rows", "hunter2")

    captured = capsys.readouterr()
    [line] = [json.loads(each) for each in captured.out.splitlines()]
    assert line["message"] == "a log line could not be written: TypeError"
    assert "test_log.py" in line["location"]
    assert "hunter2" not in captured.out + captured.err


def test_filter_may_drop_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure().addFilter(lambda record: record.getMessage() != "not this")

    logging.getLogger("shop").info("not this")
    logging.getLogger("shop").info("this")

    assert [line["message"] for line in written(capsys)] == ["this"]


def test_level_holds_for_all_loggers(capsys: pytest.CaptureFixture[str]) -> None:
    configure(level="WARNING")

    for logger in (logging.getLogger("shop"), get_logger("shop.own")):
        logger.info("not this")
        logger.warning("this")

    assert [line["message"] for line in written(capsys)] == ["this", "this"]


def test_debug_level_opens_the_program_s_loggers_and_no_library_s(capsys: pytest.CaptureFixture[str]) -> None:
    configure(level="DEBUG")

    logging.getLogger("botocore.endpoint").debug("headers and bodies")
    get_logger("shop").debug("mine")

    assert [line["message"] for line in written(capsys)] == ["mine"]


def test_level_that_the_program_set_stays(capsys: pytest.CaptureFixture[str]) -> None:
    logger = get_logger("shop.loud")
    logger.setLevel(logging.ERROR)

    configure()
    logger.warning("not this")

    assert written(capsys) == []
    logger.setLevel(logging.NOTSET)


def test_debug_lines_come_out_when_something_fails(capsys: pytest.CaptureFixture[str], request_: Invocation) -> None:
    configure()
    logger = get_logger("shop")

    logger.debug("step %d", 1)
    logger.info("between")
    before = [line["message"] for line in written(capsys)]
    logger.error("failed")
    logger.debug("step %d", 2)

    assert before == ["between"]
    assert [line["message"] for line in written(capsys)] == ["step 1", "failed"]


def test_of_many_debug_lines_the_latest_are_kept(capsys: pytest.CaptureFixture[str], request_: Invocation) -> None:
    configure(debug_lines=3)
    logger = get_logger("shop")

    for at in range(10):
        logger.debug("step %d", at)
    logger.error("failed")

    assert [line["message"] for line in written(capsys)] == ["step 7", "step 8", "step 9", "failed"]


def test_debug_lines_of_a_request_in_the_sample_come_at_once(
    capsys: pytest.CaptureFixture[str], request_: Invocation
) -> None:
    configure(debug_sample=0.5)
    request_.verbose = True

    get_logger("shop").debug("step")

    assert [line["message"] for line in written(capsys)] == ["step"]


def test_outside_of_a_request_debug_lines_are_nobody_s(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    logger = get_logger("shop")

    logger.debug("step")
    logger.error("failed")

    assert [line["message"] for line in written(capsys)] == ["failed"]


def test_debug_lines_of_one_request_do_not_come_with_another_s_error(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    logger = get_logger("shop")
    one, other = (Invocation({"request_id": name}, Trace("1" * 32)) for name in "ab")

    for invocation, level in ((one, logging.DEBUG), (other, logging.ERROR)):
        token = current.set(invocation)
        logger.log(level, "line")
        current.reset(token)

    assert [line["request_id"] for line in written(capsys)] == ["b"]


def test_without_debug_lines_a_debug_call_makes_no_record() -> None:
    configure(debug_lines=0)

    assert not get_logger("shop").isEnabledFor(logging.DEBUG)


def test_bound_fields_are_in_all_further_lines(capsys: pytest.CaptureFixture[str], request_: Invocation) -> None:
    configure()

    bind_fields(order_id=7, token="abc")
    logging.getLogger("shop").info("saved")

    [line] = written(capsys)
    assert (line["order_id"], line["token"]) == (7, "***")


@pytest.mark.parametrize("name", ["level", "request_id", "_aws", "Duration", "status"])
def test_field_of_the_sdk_s_cannot_be_bound(name: str, request_: Invocation) -> None:
    with pytest.raises(ValueError, match="is not a valid field name"):
        bind_fields(**{name: 1})


def test_binding_outside_of_a_request_does_nothing() -> None:
    bind_fields(order_id=7)


def test_text_is_for_people(capsys: pytest.CaptureFixture[str], request_: Invocation) -> None:
    configure(form="text")

    try:
        raise ValueError("password=hunter2") from KeyError("a")
    except ValueError:
        logging.getLogger("shop").exception("failed \x1b[31m", extra={"order_id": 7})

    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    found = re.fullmatch(r"\d\d:\d\d:\d\d ERROR    failed \\x1b\[31m  order_id=7  request_id=(\S+)", lines[0])
    assert found is not None
    assert found[1] == request_.fields["request_id"]
    assert lines[1] == "  ValueError: password=***"
    assert lines[-2:] == ["  caused by", "  KeyError: 'a'"]


FORGED = "12:00:00 ERROR    GET /admin 200  forged line"
ENDINGS = ["\n", "\r\n", "\r", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029", "\x1b[1G", "\x1b[1A\r", "\x9b2K"]
Write = Callable[[str], None]


def _raise(error: BaseException) -> None:
    try:
        raise error
    except type(error):
        logging.getLogger("shop").exception("failed")


@pytest.mark.parametrize("ending", ENDINGS, ids=ascii)
@pytest.mark.parametrize(
    "write",
    [
        lambda value: logging.getLogger("shop").info(value),
        lambda value: logging.getLogger("shop").info("order of %s", value),
        lambda value: logging.getLogger("shop").info({"order of": value, value: 1}),
        lambda value: logging.getLogger("shop").info("order", extra={"of": value}),
        lambda value: logging.getLogger("shop").info("order", extra={value: 1}),
        lambda value: logging.getLogger("shop").info("order", extra={"of": [{"name": value, value: 2}]}),
        lambda value: logging.getLogger("shop").error("order of %s", value, extra={"and": value}),
        lambda value: _raise(ValueError(value)),
        lambda value: _raise(type(f"Error{value}", (Exception,), {})()),
        lambda value: _raise(ExceptionGroup(value, [ValueError(value)])),
    ],
    ids=["message", "argument", "dict", "extra", "name", "nested", "error", "exception", "type", "group"],
)
def test_no_value_begins_a_line(
    write: Write, ending: str, capsys: pytest.CaptureFixture[str], request_: Invocation
) -> None:
    configure(form="text")

    write(f"bob{ending}{FORGED}")

    first, *more = capsys.readouterr().err.splitlines()
    assert re.match(r"\d\d:\d\d:\d\d (INFO|ERROR) +(order|failed|bob|\{)", first)
    assert all(line.startswith("  ") for line in more)
    assert all(line.isprintable() for line in (first, *more))


def test_configured_again_there_is_still_one_handler(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    configure(level="ERROR")

    logging.getLogger("shop").error("once")
    logging.getLogger("shop").info("not this")

    assert len(written(capsys)) == 1


def test_unknown_level_is_refused() -> None:
    with pytest.raises(KeyError):
        configure(level="LOUD")
