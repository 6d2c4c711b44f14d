from cora_modules.kb.rules import BASE_READER, BASE_WRITER


def test_rules_are_about_the_base_of_the_path() -> None:
    assert BASE_READER.placeholders == BASE_WRITER.placeholders
    assert list(BASE_READER.placeholders) == ["base_id"]
