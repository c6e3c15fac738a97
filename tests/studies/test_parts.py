"""Studies of several conditions and architectures: what is compared with what, and where it goes."""

import json
from pathlib import Path

import pandas as pd
import pytest

from robustkd.reporting import compose
from robustkd.results.result import slices
from robustkd.results.storage import load_results
from robustkd.studies import load_study, run_study

TINY = Path(__file__).parent / "tiny.yaml"
OVERRIDES = (
    "conditions=[clean, {label_noise: {rate: 0.5}}]",
    "students.architecture=[cifar_wrn_10_1, cifar_resnet8]",
    "students.methods=[baseline, hinton]",
    "evaluations=[generalization, label_noise]",
)
PARTS = [
    ("cifar_wrn_10_1", "clean"),
    ("cifar_resnet8", "clean"),
    ("cifar_wrn_10_1", "label noise 50%"),
    ("cifar_resnet8", "label noise 50%"),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parts")
    run_study(load_study(TINY, OVERRIDES), folder / "run", device="cpu")
    return folder / "run"


def test_every_network_is_trained_under_every_condition_and_the_teacher_too(run: Path) -> None:
    jobs = [json.loads((folder / "job.json").read_text()) for folder in (run / "jobs").glob("[!.]*")]

    trained = sorted((job["settings"]["architecture"], job["name"], job["condition"]) for job in jobs)
    students = [(group, name, condition) for group, condition in PARTS for name in ("baseline-0", "hinton-0")]
    teachers = [("cifar_wrn_10_1", "cifar_wrn_10_1-7", condition) for condition in ("clean", "label noise 50%")]
    assert trained == sorted(students + teachers)


def test_the_results_of_all_parts_are_one_table_that_distinguishes_them(run: Path) -> None:
    frame = pd.read_csv(run / "results" / "generalization.csv")

    accuracy = frame[(frame["metric"] == "accuracy") & (frame["level"] == "method")]
    assert list(accuracy.groupby(["group", "condition"], sort=False).groups) == PARTS
    assert accuracy.groupby(["group", "condition"]).size().unique().tolist() == [3]
    assert [part.title for part in slices(frame)] == [f"{group}, {condition}" for group, condition in PARTS]


def test_a_difference_is_to_the_baseline_of_the_same_architecture_and_condition(run: Path) -> None:
    frame = pd.read_csv(run / "results" / "generalization.csv").query("level == 'method'")

    for group, condition in PARTS:
        part = frame[(frame["group"] == group) & (frame["condition"] == condition)].set_index(["metric", "member"])
        gain = part.loc[("accuracy_gain", "hinton"), "value"]
        expected = part.loc[("accuracy", "hinton"), "value"] - part.loc[("accuracy", "baseline"), "value"]
        assert gain == pytest.approx(expected)


def test_the_records_of_each_part_are_in_a_separate_file(run: Path) -> None:
    assert sorted(file.name for file in (run / "results").glob("generalization*.npz")) == [
        "generalization-cifar_resnet8-clean.npz",
        "generalization-cifar_resnet8-label-noise-50.npz",
        "generalization-cifar_wrn_10_1-clean.npz",
        "generalization-cifar_wrn_10_1-label-noise-50.npz",
    ]
    assert {check.condition for result in load_results(run / "results") for check in result.checks} == {
        "clean",
        "label noise 50%",
    }


def test_the_report_begins_with_one_number_for_each_part_and_has_a_table_for_each(run: Path) -> None:
    report = compose(run)

    overview, *others = report.summaries
    titles = [f"{group}, {condition}" for group, condition in PARTS]
    assert [column.title for column in overview.columns] == titles
    assert [label for label, _ in overview.rows] == ["teacher", "baseline", "hinton"]
    assert [table.title for table in others] == titles
    assert all(sentence.startswith(tuple(titles)) for sentence in report.sections[0].sentences)


def test_a_study_of_several_parts_goes_on_where_it_was_without_looking_twice(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from robustkd.evaluations.generalization import Generalization

    looked: list[str] = []
    monkeypatch.setattr(Generalization, "measure", lambda *_: looked.append("again"))

    run_study(load_study(TINY, OVERRIDES), run, device="cpu")

    assert looked == []
