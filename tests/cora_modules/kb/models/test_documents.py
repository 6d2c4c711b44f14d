import pytest
from pydantic import TypeAdapter, ValidationError

from cora_modules.kb.models.documents import Document, Filename, Sha256


def test_document_has_no_place_of_its_file() -> None:
    assert "storage_key" not in Document.__pydantic_fields__


@pytest.mark.parametrize("name", ["a.txt", "Düsen 🚀.pdf", ".hidden", "a" * 255])
def test_name_of_a_file_is_accepted(name: str) -> None:
    assert TypeAdapter(Filename).validate_python(name) == name


@pytest.mark.parametrize("name", ["", "a/b", "a\\b", "a\x00b", "a\r\nb", "\x7f"])
def test_path_or_control_character_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Filename).validate_python(name)


def test_hash_is_stored_in_lower_case() -> None:
    assert TypeAdapter(Sha256).validate_python("AB" * 32) == "ab" * 32
