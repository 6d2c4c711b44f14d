import pytest

from cora_modules.ai.protocols.attempts import ATTEMPTS, Attempts
from cora_modules.ai.protocols.circuit import FAILURES, Circuit, CircuitOpen
from cora_modules.ai.provider import ErrorKind, ProviderError
from org_common import Deadline


class Call:
    """Fails as often as it has errors."""

    def __init__(self, *errors: ProviderError) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def down(kind: ErrorKind = "unavailable", retry_after_s: float | None = None) -> ProviderError:
    return ProviderError(kind, "down", retry_after_s=retry_after_s)


@pytest.mark.parametrize("kind", ["throttled", "unavailable", "timeout", "cut"])
def test_temporary_errors_are_repeated(kind: ErrorKind) -> None:
    call = Call(*[down(kind)] * (ATTEMPTS - 1))

    assert Attempts(Circuit(), 0.001).make(call, Deadline.after(5)) == "done"
    assert call.calls == ATTEMPTS


@pytest.mark.parametrize("kind", ["refused", "invalid_response"])
def test_other_errors_are_not(kind: ErrorKind) -> None:
    call = Call(down(kind))

    with pytest.raises(ProviderError):
        Attempts(Circuit(), 0.001).make(call, Deadline.after(5))
    assert call.calls == 1


def test_last_error_is_raised() -> None:
    errors = [down("unavailable"), down("timeout"), down("throttled")]

    with pytest.raises(ProviderError) as caught:
        Attempts(Circuit(), 0.001).make(Call(*errors), Deadline.after(5))
    assert caught.value is errors[2]


def test_bug_is_raised_unchanged() -> None:
    def bug() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        Attempts(Circuit(), 0.001).make(bug, Deadline.after(5))


@pytest.mark.parametrize("pause_s", [4.9, 60])
def test_pause_that_ends_after_the_deadline_is_not_made(pause_s: float) -> None:
    call = Call(down(retry_after_s=pause_s), down(retry_after_s=pause_s))

    with pytest.raises(ProviderError):
        Attempts(Circuit(), 0.001).make(call, Deadline.after(4.5))
    assert call.calls == 1


def test_no_time_no_call() -> None:
    call = Call()

    with pytest.raises(ProviderError) as caught:
        Attempts(Circuit(), 0.001).make(call, Deadline.after(-1))
    assert (caught.value.kind, call.calls) == ("timeout", 0)


def test_provider_that_is_down_is_not_called() -> None:
    attempts = Attempts(Circuit(), 0.001)
    call = Call(*[down()] * FAILURES)
    for _ in range(3):
        with pytest.raises(ProviderError):
            attempts.make(call, Deadline.after(5))

    assert call.calls == FAILURES
    with pytest.raises(CircuitOpen):
        attempts.make(call, Deadline.after(5))
