from cora_modules.kb.models.bases import BasePatch, NewBase


def test_patch_has_the_fields_that_may_change() -> None:
    assert BasePatch.__pydantic_fields__.keys() == {"name", "description", "chunk_tokens", "overlap_tokens"}


def test_new_base_has_no_scope() -> None:
    """The path says whose base it is."""
    assert NewBase.__pydantic_fields__.keys() == {"name", "description", "chunk_tokens", "overlap_tokens"}
