"""A line's time is exact, and whatever is in it becomes JSON of one line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_common.telemetry.line import MAX_LINE_LENGTH, clock, dumps, stamp, visible


def test_stamps_are_in_order_and_exact() -> None:
    assert stamp(1_700_000_000.0) == "2023-11-14T22:13:20.000Z"
    assert stamp(1_700_000_000.9999) == "2023-11-14T22:13:20.999Z"
    assert stamp(1_699_999_999.5) == "2023-11-14T22:13:19.500Z"


def test_clock_is_the_time_of_the_day() -> None:
    assert len(clock(1_700_000_000.0).split(":")) == 3


@pytest.mark.parametrize(
    "value", ["two\nlines", "half \ud83d a character", {"\udc80": ["\udc80", {1, 2}]}, object(), 2**80, "…"]
)
def test_whatever_it_holds_is_one_line_of_json(value: object) -> None:
    line = dumps({"message": "m", "value": value})

    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert json.loads(line)["message"] == "m"


def test_too_long_a_line_keeps_its_head() -> None:
    line = dumps({"message": "m", "list": ["x" * 1000] * 1000, **{f"f{at}": "y" * 2000 for at in range(200)}})

    assert len(line) < MAX_LINE_LENGTH
    assert json.loads(line)["message"] == "m"
    assert json.loads(line)["cut_from_bytes"] > MAX_LINE_LENGTH


CONTROLS = [chr(code) for code in (*range(32), *range(127, 160))]
SEPARATORS = ["\u2028", "\u2029"]
# https://www.unicode.org/reports/tr9/: marks, embeddings, overrides and isolates.
BIDI = [chr(code) for code in (0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))]
INVISIBLE = ["\u200b", "\u2060", "\ufeff", "\ufff9", "\U000e0001", "\U000e0041", "\u180e"]
SEQUENCES = [
    *(
        "\x1b[31m",
        "\x1b[2J\x1b[H",
        "\x9b31m",
        "\x1b]0;title\x07",
        "\x1b]8;;http://x\x1b\\click\x1b]8;;\x1b\\",
        "\x90q\x9c",
    ),
    *("\r12:00:00 INFO", "a\b\b", "\r\n12:00:00 ERROR    GET /admin 200", "\x1b]52;c;aGk=\x07", "\x1bc", "\x1b[6n"),
]
HOSTILE = [*CONTROLS, *SEPARATORS, *BIDI, *INVISIBLE, *SEQUENCES]


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_control_and_invisible_characters_become_visible(text: str) -> None:
    shown = visible(f"a{text}ä")

    assert shown.isprintable()
    assert shown.startswith("a")
    assert shown.endswith("ä")
    assert len(shown.splitlines()) == 1


@given(st.text())
def test_any_string_is_visible_on_one_line(text: str) -> None:
    shown = visible(text)

    assert len(shown.splitlines()) <= 1
    assert not set(shown) & {*CONTROLS, *SEPARATORS, *BIDI, *INVISIBLE}
    shown.encode()


@pytest.mark.parametrize("text", ["GET /x 200", "żółć, 東京, नमस्ते", "👩\u200d💻", "می\u200cخواهم", "a\u00a0b"])
def test_text_of_any_language_stays(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_json_line_has_them_as_escapes_that_parse_back(text: str) -> None:
    line = dumps({"message": f"a{text}ä", text: 1})

    assert len(line.splitlines()) == 1
    assert not set(line[:-1]) & {*CONTROLS, *SEPARATORS, *BIDI, *INVISIBLE}
    assert json.loads(line) == {"message": f"a{text}ä", text: 1}
