"""Which handler answers an exception."""

import pytest

from org_common import Conflict, NotFound, OrgError, Response
from org_common.handlers.error_handlers import ErrorHandlers
from org_common.http.request import Request
from org_common.values.types import Deadline

REQUEST = Request("GET", "/", "/", "", {}, b"", "r-1", None, Deadline.after(1))


def error_handlers() -> ErrorHandlers:
    made = ErrorHandlers()
    made.add(LookupError, lambda error, request: NotFound(code="looked_up"))
    made.add(KeyError, lambda error, request: Response(b"key"))
    made.add(ValueError, lambda error, request: "text")  # type: ignore[arg-type, return-value]
    return made


@pytest.mark.parametrize(
    ("error", "answer"), [(KeyError(), Response), (IndexError(), NotFound), (OSError(), type(None))]
)
def test_nearest_class_answers(error: Exception, answer: type) -> None:
    assert type(error_handlers().handle(error, REQUEST)) is answer


def test_what_is_no_answer_is_a_fault_of_the_handler() -> None:
    with pytest.raises(TypeError, match="must return a Response or an OrgError, got str"):
        error_handlers().handle(ValueError(), REQUEST)


def test_error_itself_may_be_answered_with_another() -> None:
    made = ErrorHandlers()
    made.add(OrgError, lambda error, request: Conflict(code=error.code))

    answered = made.handle(NotFound(), REQUEST)

    assert isinstance(answered, Conflict)
    assert answered.code == "not_found"


def test_class_has_one_handler() -> None:
    with pytest.raises(TypeError, match=r"error\(KeyError\) is declared twice"):
        error_handlers().add(KeyError, lambda error, request: Response())
