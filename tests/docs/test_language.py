"""The documentation speaks to its reader, and says what is rather than what is not."""

import pytest

from tests.docs.language import count, pages, prose, total


def test_documentation_addresses_its_reader() -> None:
    negations, you = total([count(page.read_text(encoding="utf-8")) for page in pages()]).per_thousand()

    # `python tests/docs/language.py` shows the figures of each page.
    assert negations <= 8
    assert you >= 12


@pytest.mark.parametrize(
    ("markdown", "counts"),
    [
        ("You need your own key.", (5, 0, 2)),
        ("It isn't there, and you can't go without it: nothing, never, NOT.", (12, 6, 1)),
        ("A note, a knot, anotherno.", (5, 0, 0)),
        ("Call `you.not()` here.", (2, 0, 0)),
        ("Before\n\n```python\nnot you\n```\n\nbehind", (2, 0, 0)),
        ("Before\n\n    not you\n\nbehind", (2, 0, 0)),
        ("!!! warning\n    not you", (3, 1, 1)),
        ("- an item\n\n    not you", (4, 1, 1)),
        ("[you](not/you.md#no)", (1, 0, 1)),
        ("<!-- not\nyou -->", (0, 0, 0)),
        ("::: org_common.App", (0, 0, 0)),
    ],
)
def test_only_prose_is_counted(markdown: str, counts: tuple[int, int, int]) -> None:
    assert tuple(count(markdown)) == counts


def test_lines_stay_where_they_are() -> None:
    assert prose("a\n\n```\nb\n```\n\nc `d\ne` f\n").splitlines() == ["a", "", "   ", " ", "   ", "", "c   ", "   f"]
