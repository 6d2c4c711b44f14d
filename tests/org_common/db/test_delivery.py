"""What a sink accepted, refused and left: each result of a delivery."""

from collections.abc import Sequence

import pytest

from org_common.db.delivery import Message, MessageRefused, Outcome, PartialDelivery, deliver

MESSAGES = [Message(number, queue, None, {}) for number, queue in enumerate(("mail", "mail", "sms", "sms"), start=1)]
BUSY = ConnectionError("busy")
BAD = MessageRefused("too large")


class Raising:
    """A sink that raises `error` at each delivery."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.asked = 0

    def deliver(self, messages: Sequence[Message]) -> None:
        self.asked += 1
        raise self.error


@pytest.mark.parametrize(
    ("error", "taken", "refused", "down"),
    [
        (PartialDelivery([1, 2, 3, 4]), [1, 2, 3, 4], [], []),
        (PartialDelivery([1, 3]), [1, 3], [], []),
        # A queue that accepts others is not down.
        (PartialDelivery([1, 3, 4], {2: BUSY}), [1, 3, 4], [2], []),
        # A queue of which nothing was accepted is.
        (PartialDelivery([3, 4], {1: BUSY, 2: BUSY}), [3, 4], [], ["mail"]),
        (PartialDelivery([3, 4], {1: BUSY}), [3, 4], [], ["mail"]),
        # What will never be accepted is refused in either case.
        (PartialDelivery([], {1: BAD, 2: BUSY}), [], [1], ["mail"]),
        (PartialDelivery([], {1: BAD, 2: BAD, 3: BAD, 4: BAD}), [], [1, 2, 3, 4], []),
        (PartialDelivery([1], {}, {"mail": BUSY, "sms": BUSY}), [1], [], ["mail", "sms"]),
        # Ids and queues that were not delivered change nothing, and an accepted message is not refused.
        (PartialDelivery([1, 2, 3, 4, 99], {1: BUSY, 77: BAD}, {"other": BUSY}), [1, 2, 3, 4], [], []),
    ],
)
def test_partial_delivery_is_taken_at_its_word(
    error: PartialDelivery, taken: list[int], refused: list[int], down: list[str]
) -> None:
    sink, outcome = Raising(error), Outcome()

    deliver(sink, MESSAGES, outcome)

    assert outcome.taken == taken
    assert [message.id for message, _ in outcome.refused] == refused
    assert sorted(outcome.down) == down
    assert sink.asked == 1, "nothing is delivered again"


def test_partial_delivery_says_how_many() -> None:
    assert str(PartialDelivery([1, 2], {3: BUSY})) == "2 messages accepted, 1 refused"


def test_any_other_error_is_tried_again_one_by_one() -> None:
    sink, outcome = Raising(BUSY), Outcome()

    deliver(sink, MESSAGES, outcome)

    assert (outcome.taken, outcome.refused, sorted(outcome.down)) == ([], [], ["mail", "sms"])
    # All, each queue, each message.
    assert sink.asked == 1 + 2 + 4
