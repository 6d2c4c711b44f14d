"""Connection strings are read and written as psycopg does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import OperationalError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from org_common.db.driver.conninfo import parse, write

VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
NAMES = ("user", "password", "host", "dbname", "application_name")


@given(st.dictionaries(st.sampled_from(NAMES), VALUES))
def test_written_parameters_are_read_back(parameters: dict[str, str]) -> None:
    assert parse(write(parameters)) == parameters == conninfo_to_dict(make_conninfo("", **parameters))


def test_numbers_are_written() -> None:
    assert write({"host": "a b", "port": 5432}) == "host='a b' port=5432"


def test_invalid_string_is_an_error() -> None:
    with pytest.raises(OperationalError, match="missing"):
        parse("host")
