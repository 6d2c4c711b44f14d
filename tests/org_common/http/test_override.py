"""A value in place of a factory's, for a while."""

from typing import Any

import pytest

from org_common.http.override import Override


class Clock: ...


def test_value_is_given_within_and_the_factory_comes_back() -> None:
    provided: dict[type, Any] = {Clock: 5}
    clock = Clock()

    with Override(provided, Clock, clock) as given:
        within = provided[Clock](None)

    assert (given, within, provided) == (clock, clock, {Clock: 5})


def test_type_that_nobody_provides_is_refused() -> None:
    with pytest.raises(TypeError, match=r"override\(Clock\): nobody provides it"):
        Override({}, Clock, Clock())
