"""The model that an organization uses, its settings, and the record of calls."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cora_modules.ai.models.resolved_model import ModelKind
from cora_modules.ai.models_in_use import effective_config, record_call, resolve_model
from cora_modules.ai.provider import Usage
from org_common import Conflict, Identity, NotFound, Transaction, service_transaction, transaction
from org_common.config.settings import Settings
from org_common.db.service import service_database
from org_common.testing.client import ISSUER
from tests.cora_modules.access.world import ACME, GLOBEX
from tests.cora_modules.ai.world import EXTRACTS, LEXICAL, REMOTE, REMOTE_CHAT, WORD_VECTORS, AiWorld

pytestmark = pytest.mark.db


@contextmanager
def acting(world: AiWorld, name: str) -> Iterator[Transaction]:
    identity = Identity(issuer=ISSUER, subject=f"local|{name}", expires_at=time.time() + 60)
    with transaction(identity, database=world.database) as tx:
        yield tx


@contextmanager
def as_job(world: AiWorld) -> Iterator[Transaction]:
    database = service_database(Settings(service_database_url=world.local.service_url, application_name="job"))
    with service_transaction(reason="a test", database=database) as tx:
        yield tx
    database.close()


@pytest.mark.parametrize(("kind", "expected"), [("chat", EXTRACTS), ("embedding", LEXICAL)])
def test_platforms_model_is_the_default(world: AiWorld, kind: ModelKind, expected: UUID) -> None:
    with acting(world, "carol") as tx:
        assert resolve_model(tx, ACME, kind).id == expected


def test_own_model_of_the_organization_comes_first(world: AiWorld) -> None:
    world.admin.execute("update ai.ai_config_org set chat_model_id = %s where org_id = %s", [REMOTE_CHAT, ACME])

    with acting(world, "carol") as tx:
        model = resolve_model(tx, ACME, "chat")
    with acting(world, "bob") as tx:
        other = resolve_model(tx, GLOBEX, "chat")

    assert (model.id, model.model_id, model.provider_kind, model.cost_out) == (
        REMOTE_CHAT,
        "large",
        "openai",
        Decimal("0.015"),
    )
    assert other.id == EXTRACTS


def test_given_model_comes_before_both(world: AiWorld) -> None:
    with acting(world, "carol") as tx:
        assert resolve_model(tx, ACME, "embedding", WORD_VECTORS).id == WORD_VECTORS


@pytest.mark.parametrize("status", ["discovered", "unavailable", "deprecated"])
def test_model_that_is_not_available_is_refused(world: AiWorld, status: str) -> None:
    world.change("ai_models", REMOTE_CHAT, status=status)

    with pytest.raises(Conflict) as caught, acting(world, "carol") as tx:
        resolve_model(tx, ACME, "chat", REMOTE_CHAT)
    assert caught.value.code == "no_model"


def test_model_of_an_inactive_provider_is_refused_and_not_replaced(world: AiWorld) -> None:
    world.admin.execute("update ai.ai_config_org set chat_model_id = %s where org_id = %s", [REMOTE_CHAT, ACME])
    world.change("ai_providers", REMOTE, is_active=False)

    with pytest.raises(Conflict, match="no available model"), acting(world, "carol") as tx:
        resolve_model(tx, ACME, "chat")


@pytest.mark.parametrize(("kind", "model_id"), [("chat", LEXICAL), ("embedding", EXTRACTS), ("chat", uuid4())])
def test_model_of_another_kind_or_none_is_refused(world: AiWorld, kind: ModelKind, model_id: UUID) -> None:
    with pytest.raises(Conflict), acting(world, "carol") as tx:
        resolve_model(tx, ACME, kind, model_id)


@pytest.mark.parametrize("name", ["bob", "erin", "sam", "root"])
def test_others_than_members_are_refused(world: AiWorld, name: str) -> None:
    before = world.everything()

    with pytest.raises(NotFound), acting(world, name) as tx:
        resolve_model(tx, ACME, "chat")
    with pytest.raises(NotFound), acting(world, name) as tx:
        effective_config(tx, ACME)
    with pytest.raises(NotFound), acting(world, name) as tx:
        record_call(tx, ACME, uuid4(), EXTRACTS, Usage(1, 1), 1)
    assert world.everything() == before


def test_job_of_the_platform_resolves_and_records_for_any_organization(world: AiWorld) -> None:
    call_id = uuid4()

    with as_job(world) as tx:
        model = resolve_model(tx, GLOBEX, "embedding")
        config = effective_config(tx, GLOBEX)
        record_call(tx, GLOBEX, call_id, model.id, Usage(10, 0), 5)

    assert (model.id, config.embedding_model_id) == (LEXICAL, LEXICAL)
    (call,) = (row for row in world.read("ai_calls") if row["id"] == call_id)
    assert (call["org_id"], call["user_id"]) == (GLOBEX, None)


def test_settings_are_merged(world: AiWorld) -> None:
    world.admin.execute("update ai.ai_config_sys set max_tokens = 500, top_k = 3")
    world.admin.execute(
        "update ai.ai_config_org set custom_prompts = '{Be kind.,Use metric units.}', tone = 'formal', "
        "max_response_tokens = 900, citation_style = 'none' where org_id = %s",
        [ACME],
    )

    with acting(world, "carol") as tx:
        config = effective_config(tx, ACME)

    assert config.prompt.split("\n\n") == [
        "Answer from passages.",
        "The mission of the organization: acme-zq7-mission",
        "Be kind.",
        "Use metric units.",
        "Write in a formal tone.",
        "Do not cite the passages.",
    ]
    assert (config.max_tokens, config.top_k, config.citation_style, config.tone) == (500, 3, "none", "formal")


def test_organization_without_settings_has_the_platforms(world: AiWorld) -> None:
    world.admin.execute("delete from ai.ai_config_org")

    with acting(world, "carol") as tx:
        config = effective_config(tx, ACME)

    assert config.prompt.split("\n\n")[:-1] == ["Answer from passages."]
    assert (config.citation_style, config.tone, config.max_tokens) == ("numbers", "neutral", 1024)


# --- calls ------------------------------------------------------------------------------------


def test_repeated_call_is_charged_once(world: AiWorld) -> None:
    call_id = uuid4()

    costs = []
    for tokens in (1000, 9999):
        with acting(world, "carol") as tx:
            costs.append(record_call(tx, ACME, call_id, REMOTE_CHAT, Usage(tokens, 200), 700, "cut"))

    assert costs == [Decimal("0.006")] * 2
    (call,) = (row for row in world.read("ai_calls") if row["id"] == call_id)
    assert (call["tokens_in"], call["error_kind"], call["user_id"]) == (1000, "cut", world.users["carol"])


def test_call_of_two_organizations_may_have_the_same_id(world: AiWorld) -> None:
    """An id that another organization has used is no way to avoid a charge, and does not reveal that it exists."""
    call_id = uuid4()

    for name, org_id in (("carol", ACME), ("bob", GLOBEX)):
        with acting(world, name) as tx:
            record_call(tx, org_id, call_id, REMOTE_CHAT, Usage(1000, 0), 1)

    assert sum(row["id"] == call_id for row in world.read("ai_calls")) == 2


def test_call_of_a_model_that_was_deleted_meanwhile_is_recorded_without_cost(world: AiWorld) -> None:
    call_id = uuid4()

    with acting(world, "carol") as tx:
        assert record_call(tx, ACME, call_id, uuid4(), Usage(1, 1), 1) is None

    assert any(row["id"] == call_id for row in world.read("ai_calls"))


PRICE = st.decimals(min_value=0, max_value=9999, places=8)
TOKENS = st.integers(min_value=0, max_value=2**40)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cost_in=PRICE, cost_out=PRICE, tokens_in=TOKENS, tokens_out=TOKENS)
def test_cost_is_exact(world: AiWorld, cost_in: Decimal, cost_out: Decimal, tokens_in: int, tokens_out: int) -> None:
    world.change("ai_models", REMOTE_CHAT, cost_in=cost_in, cost_out=cost_out)

    with acting(world, "carol") as tx:
        cost = record_call(tx, ACME, uuid4(), REMOTE_CHAT, Usage(tokens_in, tokens_out), 1)

    # In whole units of 10^-11, the smallest that a price for 1,000 tokens can lead to.
    units = tokens_in * int(cost_in * 10**8) + tokens_out * int(cost_out * 10**8)
    assert cost is not None
    assert int(cost.scaleb(11)) == units
    assert cost == cost.quantize(Decimal(1).scaleb(-11))
