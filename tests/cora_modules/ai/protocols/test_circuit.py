import pytest

from cora_modules.ai.protocols.circuit import COOLDOWN_S, FAILURES, Circuit, CircuitOpen, circuit_of
from cora_modules.ai.provider import ErrorKind, ProviderError


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def fail(circuit: Circuit, times: int = 1, kind: ErrorKind = "unavailable") -> None:
    for _ in range(times):
        circuit.failed(ProviderError(kind, "down"))


def admits(circuit: Circuit) -> bool:
    try:
        circuit.admit()
    except CircuitOpen:
        return False
    return True


def test_failures_in_a_row_open_it() -> None:
    circuit = Circuit(Clock())

    fail(circuit, FAILURES - 1)
    assert admits(circuit)
    fail(circuit)
    assert not admits(circuit)


def test_success_between_failures_keeps_it_closed() -> None:
    circuit = Circuit(Clock())

    for _ in range(3):
        fail(circuit, FAILURES - 1)
        circuit.succeeded()
        assert admits(circuit)


@pytest.mark.parametrize("kind", ["throttled", "refused", "invalid_response"])
def test_provider_that_answers_is_not_down(kind: ErrorKind) -> None:
    circuit = Circuit(Clock())

    fail(circuit, FAILURES * 2, kind)

    assert admits(circuit)


@pytest.mark.parametrize("kind", ["unavailable", "timeout", "cut"])
def test_open_circuit_says_when_to_come_back(kind: ErrorKind) -> None:
    circuit = Circuit(Clock())
    fail(circuit, FAILURES, kind)

    with pytest.raises(CircuitOpen) as caught:
        circuit.admit()
    assert (caught.value.kind, caught.value.retry_after_s) == ("unavailable", COOLDOWN_S)


def test_one_probe_is_let_through_and_decides() -> None:
    clock = Clock()
    circuit = Circuit(clock)
    fail(circuit, FAILURES)
    clock.now_s += COOLDOWN_S

    assert [admits(circuit) for _ in range(3)] == [True, False, False]
    fail(circuit)
    assert not admits(circuit)
    clock.now_s += COOLDOWN_S
    assert admits(circuit)
    circuit.succeeded()
    assert [admits(circuit) for _ in range(3)] == [True, True, True]


def test_probe_that_reports_nothing_delays_the_next_one() -> None:
    clock = Clock()
    circuit = Circuit(clock)
    fail(circuit, FAILURES)
    for _ in range(3):
        clock.now_s += COOLDOWN_S
        assert [admits(circuit), admits(circuit)] == [True, False]


def test_calls_of_one_provider_share_a_circuit() -> None:
    assert circuit_of("a", "https://one") is circuit_of("a", "https://one")
    assert circuit_of("a", "https://one") is not circuit_of("a", "https://two")
