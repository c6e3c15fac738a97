from dataclasses import replace
from pathlib import Path

import huggingface_hub
import pytest

from robustkd.reporting.report import Report
from robustkd.reporting.statement.content import Statement
from robustkd.reporting.statement.model_card import model_cards


@pytest.fixture
def cards(report: Report, tmp_path: Path) -> list[huggingface_hub.ModelCard]:
    """The cards as the hub's own library reads them."""
    found = []
    for index, text in enumerate(model_cards(report).values()):
        place = tmp_path / f"{index}.md"
        place.write_text(text, encoding="utf-8")
        found.append(huggingface_hub.ModelCard.load(place))
    return found


def test_the_hub_reads_the_results_of_a_student(cards: list[huggingface_hub.ModelCard]) -> None:
    results = cards[0].data.eval_results

    accuracy = next(result for result in results if result.metric_type == "accuracy")
    assert accuracy.metric_value == 61.0
    assert accuracy.metric_name == "Generalization: Accuracy (%) ↑"
    assert accuracy.metric_args == {"unit": "%", "seeds": 3, "interval_95": [58.0, 64.0]}
    assert accuracy.task_type == "image-classification"
    assert (accuracy.dataset_type, accuracy.dataset_split) == ("uoft-cs/cifar100", "test")
    assert {result.metric_type for result in results} == {"accuracy", "aurc"}  # there is no ECE


def test_a_number_whose_check_failed_is_no_result(cards: list[huggingface_hub.ModelCard]) -> None:
    assert [(result.metric_type, result.metric_value) for result in cards[1].data.eval_results] == [("accuracy", 50.0)]


def test_the_front_matter_names_data_teacher_and_tags(cards: list[huggingface_hub.ModelCard]) -> None:
    data = cards[0].data

    assert data.datasets == ["uoft-cs/cifar100"]
    assert data.base_model == "timm/resnet18.a1_in1k"
    assert data.tags == ["knowledge-distillation", "robustkd"]
    assert data.library_name == "robustkd"
    assert data.metrics == ["accuracy", "aurc"]


def test_the_text_holds_statement_training_limits_and_the_way_to_reproduce_it(
    cards: list[huggingface_hub.ModelCard],
) -> None:
    text = cards[0].text

    assert "Accuracy is 61.0%, +1.2 points." in text
    assert "One seed does not tell \\| methods apart." in text
    assert "temperature 4.0" in text
    assert "epochs 8" in text
    assert "Each method was trained once." in text
    assert "A validity check failed: attack works" in text
    assert "robustkd run study.yaml" in text


def test_a_hostile_name_is_text_in_a_card(cards: list[huggingface_hub.ModelCard]) -> None:
    assert cards[1].data.model_name == '"a": <b>\n---\n| é 🤖 #'
    assert cards[1].text.strip().splitlines()[0] == '# "a": \\<b>\\\\n---\\\\n\\| é 🤖 #'


def test_the_only_student_has_the_card_that_the_hub_looks_for_and_several_have_a_folder(report: Report) -> None:
    [first, second] = model_cards(report)
    alone = replace(report, statement=Statement(report.statement.students[:1], ()))

    assert first == "model_cards/hinton.md"
    assert second.startswith("model_cards/a-b-")
    assert list(model_cards(alone)) == ["MODEL_CARD.md"]
