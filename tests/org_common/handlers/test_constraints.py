"""The violation of a constraint becomes the field of a body, or what its handler makes of it."""

from typing import Any

import pytest

from org_common import Conflict, OrgError, Response, Unprocessable
from org_common.handlers.constraints import Constraints, at_field
from org_common.http.request import Request
from org_common.values.errors import Unavailable
from org_common.values.types import Deadline

REQUEST = Request("POST", "/", "/", "", {}, b"", "r-1", None, Deadline.after(1))


class Violation(Exception):
    def __init__(self, constraint: str | None, table: str | None = "k.users", column: str | None = None) -> None:
        super().__init__()
        self.constraint = constraint
        self.table = table
        self.column = column


def violated(cause: Exception | None, error: OrgError | None = None) -> OrgError:
    raised = error or Conflict("A resource with this value already exists.", code="duplicate")
    raised.__cause__ = cause
    return raised


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("one_email", Violation("one_email")),
        ("k.users.one_email", Violation("one_email")),
        ("k.users.email", Violation(None, column="email")),
        ("one_email", Violation("one_email", table=None)),
    ],
)
def test_violation_is_found_by_constraint_table_or_column(name: str, cause: Violation) -> None:
    constraints = Constraints()
    constraints.add(name, at_field("email", "This address is taken.", "taken"))

    answered = constraints.handle(violated(cause), REQUEST)

    assert isinstance(answered, Conflict)
    assert answered.code == "duplicate"
    assert [fault.as_dict() for fault in answered.errors] == [
        {"in": "body", "pointer": "#/email", "detail": "This address is taken.", "code": "taken"}
    ]


@pytest.mark.parametrize(
    "error",
    [
        violated(Violation("another")),
        violated(Violation("one_email", table="k.orgs")),
        violated(Violation(None)),
        violated(ValueError("one_email")),
        violated(None),
        violated(Violation("x"), Unavailable()),
        ValueError("x"),
    ],
    ids=repr,
)
def test_other_errors_have_no_answer(error: Exception) -> None:
    constraints = Constraints()
    constraints.add("k.users.one_email", at_field("email", None, None))
    constraints.add("x", at_field("x", None, None))

    assert constraints.handle(error, REQUEST) is None


def test_table_s_own_comes_before_the_name_alone() -> None:
    constraints = Constraints()
    constraints.add("one_email", lambda error, request: Conflict(code="any"))
    constraints.add("k.users.one_email", lambda error, request: Conflict(code="of_users"))

    answered = constraints.handle(violated(Violation("one_email")), REQUEST)

    assert isinstance(answered, Conflict)
    assert answered.code == "of_users"


def test_field_without_words_of_its_own_has_those_of_the_error() -> None:
    [fault] = at_field("address/zip", None, None)(violated(None), REQUEST).errors  # type: ignore[union-attr]

    assert (fault.pointer, fault.detail, fault.code) == (
        "#/address/zip",
        "A resource with this value already exists.",
        "duplicate",
    )


@pytest.mark.parametrize("result", [Unprocessable(code="mine"), Response(b"x")])
def test_handler_answers_with_an_error_or_a_response(result: Any) -> None:
    constraints = Constraints()
    constraints.add("c", lambda error, request: result)

    assert constraints.handle(violated(Violation("c")), REQUEST) is result


def test_what_is_no_answer_is_a_fault_of_the_handler() -> None:
    constraints = Constraints()
    constraints.add("c", lambda error, request: "text")  # type: ignore[arg-type, return-value]

    with pytest.raises(TypeError, match="expected a Response, got str"):
        constraints.handle(violated(Violation("c")), REQUEST)


def test_constraint_is_declared_once() -> None:
    constraints = Constraints()
    constraints.add("c", at_field("a", None, None))

    with pytest.raises(TypeError, match="constraint\\('c'\\) is declared twice"):
        constraints.add("c", at_field("b", None, None))
