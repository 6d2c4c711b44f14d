import pytest

from org_common.tools.scaffold.templates import FOLDER, import_lines, render, wrap


def test_call_that_fits_stays_on_its_line() -> None:
    assert wrap("def f(", ["a: int", "b: int"], ") -> None:") == "def f(a: int, b: int) -> None:"


def test_longer_call_has_its_arguments_on_one_line() -> None:
    argument = "a" * 100

    assert wrap("    return function(", [argument, "b"], ")") == f"    return function(\n        {argument}, b\n    )"


def test_longest_call_has_one_argument_a_line() -> None:
    argument = "a" * 110

    assert wrap("f(", [argument, argument], ")") == f"f(\n    {argument},\n    {argument},\n)"


def test_imports_are_sorted() -> None:
    lines = import_lines([("b", "Class"), ("a", "CONSTANT"), ("b", "function"), ("b", "UUID"), ("a", "CONSTANT")])

    assert lines == "from a import CONSTANT\nfrom b import UUID, Class, function"


def test_value_that_a_template_lacks_is_an_error() -> None:
    from jinja2 import UndefinedError

    with pytest.raises(UndefinedError):
        render("table/migration.sql")


def test_each_template_is_used() -> None:
    sources = "".join(path.read_text() for path in FOLDER.parent.glob("*.py"))

    unused = [path for path in FOLDER.rglob("*.jinja") if str(path.relative_to(FOLDER))[:-6] not in sources]

    assert unused == []
