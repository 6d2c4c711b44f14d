"""Which handler answers an exception."""

import pytest

from org_common import Conflict, NotFound, OrgError, Response
from org_common.handlers.failures import Failures
from org_common.http.request import Request
from org_common.values.types import Deadline

REQUEST = Request("GET", "/", "/", "", {}, b"", "r-1", None, Deadline.after(1))


def failures() -> Failures:
    made = Failures()
    made.add(LookupError, lambda error, request: NotFound(code="looked_up"))
    made.add(KeyError, lambda error, request: Response(b"key"))
    made.add(ValueError, lambda error, request: "text")  # type: ignore[arg-type, return-value]
    return made


@pytest.mark.parametrize(
    ("error", "answer"), [(KeyError(), Response), (IndexError(), NotFound), (OSError(), type(None))]
)
def test_nearest_class_answers(error: Exception, answer: type) -> None:
    assert type(failures().answered(error, REQUEST)) is answer


def test_what_is_no_answer_is_a_fault_of_the_handler() -> None:
    with pytest.raises(TypeError, match="a Response was due"):
        failures().answered(ValueError(), REQUEST)


def test_error_itself_may_be_answered_with_another() -> None:
    made = Failures()
    made.add(OrgError, lambda error, request: Conflict(code=error.code))

    answered = made.answered(NotFound(), REQUEST)

    assert isinstance(answered, Conflict)
    assert answered.code == "not_found"


def test_class_has_one_handler() -> None:
    with pytest.raises(TypeError, match=r"error\(KeyError\) is declared twice"):
        failures().add(KeyError, lambda error, request: Response())
