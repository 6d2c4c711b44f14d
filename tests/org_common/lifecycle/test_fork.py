"""State is reset in every child process, and in no other."""

import gc
import os

import pytest

from org_common.lifecycle import fork


class Counter:
    def __init__(self) -> None:
        self.resets = 0

    def reset(self) -> None:
        self.resets += 1


# From Python 3.12 on a fork with threads about is warned of: the child here does nothing that they could hold.
pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


def test_child_resets_and_parent_does_not() -> None:
    counter = Counter()
    fork.reset_in_child(counter.reset)

    child = os.fork()
    if child == 0:
        os._exit(counter.resets)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    assert counter.resets == 0


def test_grandchild_resets_again() -> None:
    counter = Counter()
    fork.reset_in_child(counter.reset)

    child = os.fork()
    if child == 0:
        grandchild = os.fork()
        if grandchild == 0:
            os._exit(counter.resets)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1]))

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2


def test_function_of_a_module_is_called() -> None:
    fork.reset_in_child(record_reset)

    child = os.fork()
    if child == 0:
        os._exit(RESETS.pop())

    fork._functions.remove(record_reset)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_registration_keeps_no_object_alive() -> None:
    gc.collect()
    before = len(fork._methods)
    fork.reset_in_child(Counter().reset)
    gc.collect()

    assert len(fork._methods) == before


RESETS: list[int] = []


def record_reset() -> None:
    RESETS.append(7)
