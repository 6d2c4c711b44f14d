from cora_modules.chat.models.streaming import Question


def test_question_is_about_the_bases_of_the_chat_unless_it_names_some() -> None:
    assert Question(content="x").base_ids is None
    assert Question(content="x", base_ids=[]).base_ids == []


def test_unknown_model_is_the_organizations() -> None:
    assert Question(content="x").model_id is None
