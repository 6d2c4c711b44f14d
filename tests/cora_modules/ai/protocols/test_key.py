import pytest

from cora_modules.ai.protocols.key import PREFIX, fetch_key, is_allowed
from cora_modules.ai.provider import ProviderError
from org_common import Reference


@pytest.mark.parametrize(
    ("reference", "allowed"),
    [
        ("ai/openai#key", True),
        ("ssm:/ai/openai", True),
        ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:ai/openai-AbCdEf", True),
        ("arn:aws:ssm:eu-west-1:123456789012:parameter/ai/openai", True),
        ("env:AI_OPENAI", True),
        ("prod/database#password", False),
        ("ssm:/prod/ai/openai", False),
        ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/ai/openai-AbCdEf", False),
        ("arn:aws:ssm:eu-west-1:123456789012:parameter/prod", False),
        ("env:ORG_COMMON_DATABASE", False),
        ("env:XAI_OPENAI", False),
    ],
)
def test_only_keys_of_providers_are_sent_to_them(reference: str, *, allowed: bool) -> None:
    assert is_allowed(Reference.parse(reference)) is allowed


def test_prefix_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX, "prod/models/")

    assert is_allowed(Reference.parse("prod/models/openai"))
    assert is_allowed(Reference.parse("env:PROD_MODELS_OPENAI"))
    assert not is_allowed(Reference.parse("ai/openai"))


def test_error_does_not_repeat_what_may_be_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ProviderError) as caught:
        fetch_key("sk-proj-abc def")
    assert (caught.value.kind, "abc" in str(caught.value)) == ("refused", False)
