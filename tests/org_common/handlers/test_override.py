"""Overrides: an injected value in place of the factory's, within a block."""

from itertools import permutations
from typing import Any

import pytest

from org_common.handlers.override import Override


class Clock: ...


def test_value_is_injected_within_the_block_and_the_factory_restored() -> None:
    provided: dict[type, Any] = {Clock: 5}
    clock = Clock()

    with Override(provided, Clock, clock) as entered:
        within = provided[Clock](None)

    assert (entered, within, provided) == (clock, clock, {Clock: 5})


# regression: the value of the first override stayed for good.
@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_overrides_may_end_in_any_order(order: tuple[int, ...]) -> None:
    provided: dict[type, Any] = {Clock: 5}
    clocks = [Clock() for _ in order]
    overrides = [Override(provided, Clock, clock) for clock in clocks]
    active = list(range(3))
    for override in overrides:
        override.__enter__()

    for number in order:
        assert provided[Clock](None) is clocks[active[-1]]
        active.remove(number)
        overrides[number].__exit__(None, None, None)

    assert provided == {Clock: 5}


def test_override_may_be_entered_twice() -> None:
    provided: dict[type, Any] = {Clock: 5}
    override = Override(provided, Clock, Clock())

    with override, override:
        pass

    assert provided == {Clock: 5}


def test_type_that_the_app_does_not_provide_is_refused() -> None:
    with pytest.raises(TypeError, match=r"override\(Clock\): the app does not provide Clock"):
        Override({}, Clock, Clock())
