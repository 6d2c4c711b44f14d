"""Adds up what the cases of tests/mistakes prove."""

from importlib import import_module

from tests.mistakes.graded import ROWS, Case

SUBJECTS = ("code", "sql", "policies", "requests", "migrations", "cli", "relay", "pytest", "dev")


def cases() -> list[Case]:
    """Those of all subjects."""
    return [case for subject in SUBJECTS for case in import_module(f"tests.mistakes.test_{subject}").CASES]


def grades() -> dict[int, tuple[str, str, int]]:
    """Name, marks and number of cases of each row. A mark is "+" only if each case of the row has it."""
    found: dict[int, tuple[str, str, int]] = {}
    for row, name in ROWS.items():
        own = [case for case in cases() if case.row == row]
        marks = "".join("+" if all(case.marks[at] == "+" for case in own) and own else "-" for at in range(3))
        found[row] = (name, marks, len(own))
    return found


def full() -> list[int]:
    """The rows whose messages say what, where and what to do."""
    return [row for row, (_, marks, _) in grades().items() if marks == "+++"]
