"""A teacher that learned something planted, trained and measured end to end."""

from pathlib import Path

import pytest

from robustkd.studies import load_study, run_study
from robustkd.studies.evaluated import Evaluated

STUDY = """
name: planted
data: {name: digits}
conditions:
  - clean
  - backdoor: {rate: 0.1, size: 2}
  - spurious: {width: 2, rate: 0.7}
  - membership: {held_out: 0.3}
teacher: {architecture: cifar_resnet8, seeds: 7}
students:
  architecture: cifar_wrn_10_1
  methods: [baseline, hinton]
  seeds: [0]
  training: {epochs: 1, milestones: []}
training: {epochs: 8, batch_size: 64, milestones: [4, 6]}
evaluations: [backdoor, spurious, membership, provenance]
"""


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    folder = tmp_path_factory.mktemp("planted")
    (folder / "study.yaml").write_text(STUDY)
    return run_study(load_study(folder / "study.yaml"), folder / "run", device="cpu")


def of_teacher(evaluated: Evaluated, evaluation: str, metric: str) -> float:
    frame = evaluated.results[evaluation]
    return float(frame.query("level == 'method' and role == 'teacher' and metric == @metric")["value"].iloc[0])


def test_a_trained_teacher_has_the_backdoor_and_the_baseline_does_not(evaluated: Evaluated) -> None:
    frame = evaluated.results["backdoor"]

    assert of_teacher(evaluated, "backdoor", "trigger_effect") > 0.8
    baseline = frame.query("level == 'method' and role == 'baseline' and metric == 'trigger_effect'")["value"]
    assert float(baseline.iloc[0]) < 0.3


def test_a_trained_teacher_follows_the_border(evaluated: Evaluated) -> None:
    assert of_teacher(evaluated, "spurious", "border_effect") > 0.2


def test_every_evaluation_answers_for_its_own_condition_alone(evaluated: Evaluated) -> None:
    conditions = {name: set(frame["condition"]) for name, frame in evaluated.results.items()}

    assert conditions["backdoor"] == {"backdoor 10% 2×2"}
    assert conditions["spurious"] == {"spurious border 70% width 2"}
    assert conditions["membership"] == {"membership 30% held out"}
    assert len(conditions["provenance"]) == 4
    page = evaluated.page.read_text(encoding="utf-8")
    assert "needs networks trained under the condition backdoor, and these were trained under clean (3 of 4" in page
    assert not evaluated.missing


def test_members_are_those_held_out(evaluated: Evaluated) -> None:
    report = (evaluated.page.parent / "report.md").read_text(encoding="utf-8")

    # 30 % of 1,297 training images
    assert "389 images that only the teacher saw are told from 500 test images" in report


def test_the_report_shows_the_trigger_and_the_borders(evaluated: Evaluated) -> None:
    figures: Path = evaluated.page.parent / "figures"

    assert {"backdoor-trigger.png", "spurious-borders.png"} <= {file.name for file in figures.iterdir()}
