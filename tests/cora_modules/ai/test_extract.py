import pytest

from cora_modules.ai.extract import Extract, extract, split_sentences
from cora_modules.ai.provider import Passage

PASSAGES = (
    Passage("leave.md", "Every employee has 25 days of leave.\nLeave is approved by the manager. It expires in March."),
    Passage("travel.md", "Trains are booked in second class. Taxi receipts are handed in within 14 days."),
)


def test_sentence_that_shares_rare_words_is_found() -> None:
    assert extract("Who approves leave?", PASSAGES, 1) == [Extract("Leave is approved by the manager.", 1)]
    assert extract("Which receipts must I hand in?", PASSAGES, 1) == [
        Extract("Taxi receipts are handed in within 14 days.", 2)
    ]


def test_extracts_are_in_the_order_of_the_passages() -> None:
    found = extract("Within how many days do I hand in receipts, and who approves leave?", PASSAGES)

    assert [each.passage for each in found] == sorted(each.passage for each in found)
    assert len(found) == 3


def test_inflected_words_match() -> None:
    passages = [Passage("a", "Wir prüfen Anträge. Rechnungen werden monatlich bezahlt.")]

    assert extract("Wann wird die Rechnung bezahlt?", passages, 1)[0].sentence == "Rechnungen werden monatlich bezahlt."


def test_paraphrase_gets_the_beginning_of_the_best_passage() -> None:
    assert extract("Urlaub?", PASSAGES) == [Extract("Every employee has 25 days of leave.", 1)]


@pytest.mark.parametrize("passages", [(), (Passage("empty", " \n "),)])
def test_no_sentence_no_extract(passages: tuple[Passage, ...]) -> None:
    assert extract("What?", passages) == []


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two!  Three?", ["One.", "Two!", "Three?"]),
        ("It costs 3.50 francs, e.g. per day.", ["It costs 3.50 francs, e.g. per day."]),
        ("# Title\n\nText\nover lines", ["# Title", "Text", "over lines"]),
        ("Ärger. Übung.", ["Ärger.", "Übung."]),
    ],
)
def test_sentences(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences
