"""Names of test cases that are the same in every process, as pytest-xdist requires."""

import re


def name_of(value: object) -> str:
    """The value as a string, with an object's type in place of its address."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(value))
