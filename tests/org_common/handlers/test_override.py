"""A value in place of a factory's, for a while."""

from itertools import permutations
from typing import Any

import pytest

from org_common.handlers.override import Override


class Clock: ...


def test_value_is_given_within_and_the_factory_comes_back() -> None:
    provided: dict[type, Any] = {Clock: 5}
    clock = Clock()

    with Override(provided, Clock, clock) as given:
        within = provided[Clock](None)

    assert (given, within, provided) == (clock, clock, {Clock: 5})


# the first one's value was left behind for good.
@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_overrides_may_end_in_any_order(order: tuple[int, ...]) -> None:
    provided: dict[type, Any] = {Clock: 5}
    clocks = [Clock() for _ in order]
    overrides = [Override(provided, Clock, clock) for clock in clocks]
    left = list(range(3))
    for each in overrides:
        each.__enter__()

    for ended in order:
        assert provided[Clock](None) is clocks[left[-1]]
        left.remove(ended)
        overrides[ended].__exit__(None, None, None)

    assert provided == {Clock: 5}


def test_override_may_be_entered_twice() -> None:
    provided: dict[type, Any] = {Clock: 5}
    override = Override(provided, Clock, Clock())

    with override, override:
        pass

    assert provided == {Clock: 5}


def test_type_that_nobody_provides_is_refused() -> None:
    with pytest.raises(TypeError, match=r"override\(Clock\): nobody provides it"):
        Override({}, Clock, Clock())
