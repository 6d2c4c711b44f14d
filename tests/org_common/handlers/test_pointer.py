"""JSON pointers as URI fragments: RFC 6901, section 6."""

import pytest

from org_common.handlers.pointer import pointer


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ([], "#"),
        (["foo"], "#/foo"),
        (["foo", 0], "#/foo/0"),
        ([""], "#/"),
        (["a/b"], "#/a~1b"),
        (["c%d"], "#/c%25d"),
        (["e^f"], "#/e%5Ef"),
        (["g|h"], "#/g%7Ch"),
        (["i\\j"], "#/i%5Cj"),
        (['k"l'], "#/k%22l"),
        ([" "], "#/%20"),
        (["m~n"], "#/m~0n"),
    ],
)
def test_examples_of_the_rfc(path: list[int | str], expected: str) -> None:
    assert pointer(path) == expected


def test_lone_surrogate_becomes_a_question_mark() -> None:
    assert pointer(["\ud800"]) == "#/%3F"
