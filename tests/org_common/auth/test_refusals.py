"""Why a token was not taken: fixed words, a stable reason, and whether trying again is of use."""

import logging

import pytest

from org_common.auth.refusals import REASONS, KeysUnavailable, TokenRefused
from org_common.values.errors import Unauthorized, Unavailable


@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_is_a_401_of_fixed_words(reason: str) -> None:
    refused = TokenRefused(reason)

    assert isinstance(refused, Unauthorized)
    assert (refused.status, refused.reason, refused.retryable) == (401, reason, False)
    assert str(refused) == refused.detail == REASONS[reason]
    assert refused.code in ("unauthorized", "invalid_token", "token_expired")


def test_reason_that_is_not_of_the_list_is_a_fault_of_ours() -> None:
    with pytest.raises(KeyError):
        TokenRefused("eyJhbGciOi")


def test_missing_keys_are_a_503_that_says_when_to_come_again() -> None:
    missing = KeysUnavailable(30)

    assert isinstance(missing, Unavailable)
    assert (missing.status, missing.code, missing.retryable) == (503, "keys_unavailable", True)
    assert missing.headers == {"Retry-After": "30"}


def test_log_has_the_reason_alone(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "org_common"):
        TokenRefused("audience").log()

    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("INFO", "token refused: audience")
    ]
