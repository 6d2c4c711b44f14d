"""A module with a model that is called as another one is."""

from org_common import Conflict, Model


class Item(Model):
    place: int


def take(count: int) -> int:
    if count > 3:
        raise Conflict
    return count
