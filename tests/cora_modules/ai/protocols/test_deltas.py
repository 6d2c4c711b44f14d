from collections.abc import Generator

import pytest

from cora_modules.ai.protocols.circuit import FAILURES, Circuit, CircuitOpen
from cora_modules.ai.protocols.deltas import Deltas
from cora_modules.ai.provider import ProviderError


def parts(error: BaseException | None = None) -> Generator[str]:
    yield "a"
    if error is not None:
        raise error


def make(circuit: Circuit, error: BaseException | None = None) -> tuple[Deltas, list[str]]:
    closed: list[str] = []
    return Deltas(parts(error), lambda: closed.append("closed"), circuit), closed


@pytest.mark.parametrize("error", [None, ProviderError("cut", "x"), LookupError(), KeyboardInterrupt()])
def test_connection_is_closed_however_the_stream_ends(error: BaseException | None) -> None:
    deltas, closed = make(Circuit(), error)

    assert next(deltas) == "a"
    assert closed == []
    with pytest.raises(StopIteration if error is None else type(error)):
        next(deltas)
    assert closed == ["closed"]


@pytest.mark.parametrize("read", [0, 1])
def test_reader_that_stops_early_closes_it(read: int) -> None:
    deltas, closed = make(Circuit())
    for _ in range(read):
        next(deltas)

    deltas.close()

    assert closed == ["closed"]


def test_streams_that_are_cut_open_the_circuit_and_readers_that_stop_do_not() -> None:
    circuit = Circuit()
    for _ in range(FAILURES * 2):
        make(circuit)[0].close()
    circuit.admit()
    for _ in range(FAILURES):
        with pytest.raises(ProviderError):
            list(make(circuit, ProviderError("cut", "x"))[0])

    with pytest.raises(CircuitOpen):
        circuit.admit()


def test_complete_stream_is_a_success() -> None:
    circuit = Circuit()
    for _ in range(3):
        for _ in range(FAILURES - 1):
            circuit.failed(ProviderError("cut", "x"))
        assert list(make(circuit)[0]) == ["a"]
        circuit.admit()
