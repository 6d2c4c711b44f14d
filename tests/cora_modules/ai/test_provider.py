from collections.abc import Iterator

import pytest

from cora_modules.ai.provider import ErrorKind, ProviderError, Reply


@pytest.mark.parametrize(
    ("kind", "temporary"),
    [
        ("refused", False),
        ("throttled", True),
        ("unavailable", True),
        ("timeout", True),
        ("cut", True),
        ("invalid_response", False),
    ],
)
def test_temporary_errors_are_those_that_may_pass(kind: ErrorKind, *, temporary: bool) -> None:
    assert ProviderError(kind, "the model is busy").is_temporary == temporary


def test_closed_reply_closes_its_connection() -> None:
    closed: list[str] = []

    def deltas() -> Iterator[str]:
        try:
            yield "The"
            yield " end"
        finally:
            closed.append("connection")

    reply = Reply(deltas())
    assert next(reply.deltas) == "The"

    reply.close()

    assert closed == ["connection"]


def test_reply_of_a_list_can_be_closed() -> None:
    Reply(iter(["all"])).close()
