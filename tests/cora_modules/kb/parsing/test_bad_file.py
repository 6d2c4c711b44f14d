from typing import get_args

from cora_modules.kb.parsing.bad_file import BadFile, Reason


def test_reason_is_for_programs_and_the_text_for_users() -> None:
    error = BadFile("empty", "The file is empty.")

    assert (error.reason, str(error)) == ("empty", "The file is empty.")
    assert all(reason.islower() and reason.replace("_", "").isalpha() for reason in get_args(Reason))
