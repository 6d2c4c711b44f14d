from cora_modules.kb.models.ingest import Claim, ClaimedDocument, IngestMessage


def test_claimed_document_is_a_claim_with_everything() -> None:
    own = {"document_id", "claim_id"}

    assert ClaimedDocument.__pydantic_fields__.keys() - own == Claim.__pydantic_fields__.keys() - {"outcome"}


def test_message_names_the_document() -> None:
    assert IngestMessage.__pydantic_fields__.keys() == {"document_id", "base_id"}
