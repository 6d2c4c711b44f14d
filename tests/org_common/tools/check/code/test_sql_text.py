import ast
import sys

import pytest

from org_common.db.protocol.statement import prepare
from org_common.tools.check.code.sources import Source
from org_common.tools.check.code.sql_text import Part, Place, SqlText, original_position, written

CODE = '''
A = "select 1"
B = """
select a
from b
"""
C = (
    "select a, "
    "b"
    " from c"
)
D = f(1, "select '\\n'"); E = """\\
select a
"""
'''


def source() -> Source:
    return Source(sys, "shop.py", CODE, ast.parse(CODE))


def constants() -> list[ast.Constant]:
    return [node for node in ast.walk(source().tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def test_string_is_at_its_line() -> None:
    places = [[(part.text, part.place.line) for part in written(source(), each)] for each in constants()]

    assert sorted(places, key=lambda each: each[0][1]) == [
        [("select 1", 2)],
        [("\nselect a\nfrom b\n", 3)],
        [("select a, ", 8), ("b", 9), (" from c", 10)],
        [("select '\n'", 12)],
        [("select a\n", 13)],
    ]


def test_character_is_found_in_its_part() -> None:
    text = SqlText((Part("\nselect a,\n", Place("x.py", 3)), Part("b from c", Place("y.py", 8))))

    assert text.text == "\nselect a,\nb from c"
    # A blank line is not the beginning.
    assert text.place() == ("x.py", 4)
    assert text.place(text.text.index("b from")) == ("y.py", 8)
    assert text.place(1000) == ("y.py", 8)
    assert text.find("from c") == ("y.py", 8)
    assert text.find("missing") == ("x.py", 4)


def test_title_is_the_constant_or_the_first_words() -> None:
    part = (Part("\nselect a,\n  b", Place("x.py", 3)),)

    assert (SqlText(part, "GET").title, SqlText(part).title) == ("GET", "select a, b")


@pytest.mark.parametrize(
    "text",
    ["select %(a)s, x", "select x", "select %(a)s::int, %(long_name)s, %(a)s, x", "select 5 %% 2, '%%', %(a)s, x"],
)
def test_position_is_that_in_the_original(text: str) -> None:
    command = prepare(text).command.decode()

    assert original_position(text, command, command.index("x")) == text.rindex("x")
