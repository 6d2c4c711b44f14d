"""A check of the deadline that never ends."""


def nothing() -> None:
    pass
