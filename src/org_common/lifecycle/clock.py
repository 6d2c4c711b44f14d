"""Age measured on two clocks, for state that outlives a frozen environment."""

import time

TYPE_CHECKING = False

if TYPE_CHECKING:
    # The wall clock and the monotonic clock, in seconds.
    Moment = tuple[float, float]


def now() -> "Moment":
    """The current time on both clocks. A tuple, since each request on a connection takes one."""
    return time.time(), time.monotonic()


def elapsed_s(start: "Moment", end: "Moment") -> float:
    """The seconds between two moments, on the clock that advanced further.

    Neither clock is enough alone: whether the monotonic clock advances while Lambda freezes an environment is not
    documented, and the wall clock may be set back.
    """
    return max(end[0] - start[0], end[1] - start[1])
