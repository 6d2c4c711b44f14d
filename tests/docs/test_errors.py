"""The tables of docs/reference/errors.md have every class and every code that the source answers with."""

import ast
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import org_common
from org_common.auth.refusals import REASONS, TokenRefused
from org_common.db.protocol.errors import _OWN, StatementFailed, to_org_error
from org_common.values import errors
from org_common.values.errors import OrgError

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "errors.md").read_text()
SOURCE = ROOT / "src" / "org_common"
# Tools and what is for tests answer no request.
MODULES = sorted(path for path in SOURCE.rglob("*.py") if path.relative_to(SOURCE).parts[0] not in ("testing", "tools"))
CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, OrgError)]


def table(heading: str) -> list[list[str]]:
    """The rows of the first table behind a heading, without code marks."""
    found = re.search(r"(?:^\|.+\|\n)+", PAGE.partition(f"\n{heading}\n")[2], re.MULTILINE)
    assert found is not None
    [_, _, *rows] = found[0].splitlines()
    return [[cell.strip().replace("`", "") for cell in row.strip("|").split(" | ")] for row in rows]


def modules() -> Iterator[tuple[ModuleType, ast.Module]]:
    for path in MODULES:
        name = ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__")
        yield import_module(name), ast.parse(path.read_text())


def codes_of(module: ModuleType, tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Codes with their status: of classes, and of calls that say `code="…"`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            kind = getattr(module, node.name, None)
            if isinstance(kind, type) and issubclass(kind, OrgError):
                yield kind.code, kind.status
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            kind = getattr(module, node.func.id, None) or getattr(errors, node.func.id, None)
            for keyword in node.keywords:
                code = ast.literal_eval(keyword.value) if isinstance(keyword.value, ast.Constant) else None
                if keyword.arg == "code" and isinstance(code, str):
                    assert isinstance(kind, type), f"{module.__name__}:{node.lineno}"
                    assert issubclass(kind, OrgError), f"{module.__name__}:{node.lineno}"
                    yield code, kind.status


def codes_of_sql() -> Iterator[tuple[str, int]]:
    for path in (SOURCE / "sql").glob("*.sql"):
        for message, sqlstate in re.findall(
            r"raise exception '([^']*)'\s+using\s+errcode = '(OC\w+)'", path.read_text()
        ):
            if sqlstate in _OWN:
                yield message, _OWN[sqlstate].status


def codes_of_faults(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Fault":
            code = node.args[3]
            if isinstance(code, ast.Constant) and isinstance(code.value, str):
                yield code.value


def test_every_class_is_there() -> None:
    rows = table("## Classes")

    assert {(row[0], row[1], row[2]) for row in rows} == {
        (kind.__name__, str(kind.status), kind.code) for kind in CLASSES
    }
    assert len(rows) == len(CLASSES)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_class_is_a_public_name(kind: type[OrgError]) -> None:
    assert kind.__name__ in org_common.__all__


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_arguments_are_those_of_the_page(kind: type[OrgError]) -> None:
    short = {
        "Unauthorized": ["detail", "code"],
        "TooManyRequests": ["detail", "code", "retry_after_s"],
        "Unavailable": ["detail", "code", "retry_after_s"],
    }

    found = list(inspect.signature(kind).parameters)

    assert found == short.get(kind.__name__, ["detail", "code", "errors", "headers"])


def test_every_code_of_the_source_is_there() -> None:
    refusals = {(TokenRefused(reason).code, TokenRefused(reason).status) for reason in REASONS}
    unknown_user = to_org_error(StatementFailed("OCUSR", "words"), read_only=True)
    used = {pair for module, tree in modules() for pair in codes_of(module, tree)}

    told = {(row[0], int(status)) for row in table("## Codes") for status in row[1].split(", ")}

    assert told == used | refusals | {(unknown_user.code, unknown_user.status)} | set(codes_of_sql())


def test_codes_are_told_once_and_in_order() -> None:
    order = [(int(row[1].partition(",")[0]), row[0]) for row in table("## Codes")]

    assert order == sorted(order)
    assert len({code for _, code in order}) == len(order)


def test_every_code_of_a_fault_is_there() -> None:
    used = {code for _, tree in modules() for code in codes_of_faults(tree)}

    assert {row[0] for row in table("### Validation codes")} == used
