"""The score that the cases add up to: `python -m tests.mistakes` prints it row by row."""

from tests.mistakes.score import full, grades

# A dict may serve several statements, so a parameter that one of them does not use is no error.
PASSES = 29


def test_each_row_has_a_case() -> None:
    assert len(grades()) == 84
    assert [row for row, (_, _, cases) in grades().items() if not cases] == []


def test_all_messages_but_one_say_what_where_and_what_to_do() -> None:
    assert set(grades()) - set(full()) == {PASSES}
