"""PostgreSQL counts parameters; messages about them have the names that the program wrote."""

from org_common.db.protocol.parameter_names import MAX_STATEMENTS, named, remember
from org_common.db.protocol.statement import prepare


def test_parameter_is_named_as_in_the_program() -> None:
    command = prepare("select %(a)s, %(q)s, %(a)s, '5 %%'").command

    assert command == b"select $1, $2, $1, '5 %'"
    assert named('could not determine data type of parameter $2, near "$1"', command) == (
        'could not determine data type of parameter %(q)s, near "%(a)s"'
    )


def test_what_is_not_a_parameter_stays() -> None:
    command = prepare("select %(a)s").command

    assert named("$2 and $0 and $12 and $a", command) == "$2 and $0 and $12 and $a"
    assert named("$1", b"select $1 of another") == "$1"
    assert named("$1", None) == "$1"


def test_names_that_are_kept_are_bounded() -> None:
    for at in range(MAX_STATEMENTS + 1):
        remember(f"select $1, {at}".encode(), ("n",))

    assert named("$1", b"select $1, 0") == "$1"
    assert named("$1", f"select $1, {MAX_STATEMENTS}".encode()) == "%(n)s"
