"""What each profile sends and what it has no room for."""

import pytest

from org_common.config import settings_reader as environment
from org_common.db.connections.profile import DIRECT, PROFILES, RDS_PROXY, TRANSACTION_POOLER, Profile
from org_common.db.protocol.statement import StatementError, Wire


def wire(size: int) -> Wire:
    return (b"x" * size, [], (), [])


def test_settings_and_profiles_have_the_same_names() -> None:
    assert tuple(PROFILES) == environment.PROFILES


def test_nothing_is_prepared_behind_a_pooler() -> None:
    assert [name for name, profile in PROFILES.items() if profile.prepares] == ["direct"]


def test_a_text_that_would_tie_the_proxy_up_is_refused() -> None:
    RDS_PROXY.check([wire(16 * 1024)])

    with pytest.raises(StatementError, match="rds-proxy .* at most 16384 bytes"):
        RDS_PROXY.check([wire(10), wire(16 * 1024 + 1)])


@pytest.mark.parametrize("profile", [DIRECT, TRANSACTION_POOLER])
def test_other_peers_take_any_size(profile: Profile) -> None:
    profile.check([wire(1_000_000)])
