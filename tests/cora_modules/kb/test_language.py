import pytest

from cora_modules.kb.language import detect_language

TEXTS = {
    "english": "The engine is started with the key, and it must not be left in the lock. This is for your safety.",
    "german": "Der Motor wird mit dem Schlüssel gestartet, und die Tür ist nicht zu öffnen. Das ist für alle.",
    "french": "Le moteur est mis en marche avec la clé, et les portes ne sont pas ouvertes pour cette raison.",
    "spanish": "El motor se pone en marcha con la llave, y las puertas no son para los niños que están en el coche.",
    "italian": "Il motore si avvia con la chiave, e gli sportelli non sono per i bambini che sono nel retro.",
    "simple": "Silnik uruchamia się kluczem, a drzwi nie wolno otwierać podczas jazdy. To dotyczy wszystkich osób.",
}


@pytest.mark.parametrize("language", TEXTS)
def test_language_is_found(language: str) -> None:
    assert detect_language(TEXTS[language]) == language


@pytest.mark.parametrize("text", ["", "Z-8841", "the and", "42 " * 100])
def test_short_text_has_no_language(text: str) -> None:
    assert detect_language(text) == "simple"
