import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import robustkd as rk
from robustkd.data import CONDITIONS, Clean, Condition
from robustkd.data.conditions.label_noise import LabelNoise
from robustkd.evaluations import EVALUATIONS
from robustkd.reporting.report import Report
from robustkd.reporting.sections import section_of
from robustkd.reporting.trust import Trust, trust_in
from robustkd.results.records import Check
from robustkd.results.result import Result
from robustkd.results.storage import load_results
from robustkd.studies.answers import EvaluatedPart, evaluate_parts


def network(seed: int) -> rk.PixelModel:
    return rk.create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=seed)


def constant() -> rk.PixelModel:
    model = network(9)
    for parameter in model.parameters():
        parameter.data.zero_()
    return model


def run_under(condition: Condition, name: str, options: dict[str, Any], out: Path) -> Path:
    """A run of two students, of which one always says the same."""
    data = rk.load_dataset("digits")
    sampled = replace(data, test=data.test.subset(data.test.sample_indices(40)))
    pool = rk.ModelPool(network(0), network(1), {"at": network(2), "still": constant()})
    members = [replace(member, condition=condition.label) for member in pool]
    about = {"name": "run", "study": "", "selection": ""}
    part = EvaluatedPart(rk.ModelPool(members=members), condition)
    asked = {"generalization": EVALUATIONS["generalization"].Options(), name: EVALUATIONS[name].Options(**options)}
    return evaluate_parts([part], sampled, asked, out, torch.device("cpu"), about).path


@pytest.fixture(scope="session")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_under(LabelNoise(rate=0.4), "label_noise", {}, tmp_path_factory.mktemp("noisy"))


@pytest.fixture(scope="session")
def asked(run: Path, noisy: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Result]:
    """The result of an evaluation, from a run that it can be asked of."""
    runs = {"label_noise": noisy}

    def result(name: str) -> Result:
        out = tmp_path_factory.getbasetemp() / f"asked-{name}"
        condition = EVALUATIONS[name].requires.condition
        if name == "groups" and name not in runs:
            file = tmp_path_factory.getbasetemp() / "groups.csv"
            file.write_text("group\n" + "light\ndark\n" * 250)
            runs[name] = run_under(Clean(), name, {"file": str(file), "column": "group"}, out)
        elif condition and name not in runs:
            runs[name] = run_under(CONDITIONS[condition](), name, {}, out)
        return results_of(runs.get(name, run))[name]

    return result


def results_of(run: Path) -> dict[str, Result]:
    return {result.evaluation: result for result in load_results(run / "results")}


def headline(result: Result, *failed: Check) -> str:
    evaluation = EVALUATIONS[result.evaluation]()
    frame, _ = trusting(result, *failed).withhold(result.frame, evaluation.metrics)
    return " ".join(evaluation.headline(frame))


def trusting(result: Result, *failed: Check) -> Trust:
    return replace(trust_in(result, [result]), failed=failed)


@pytest.mark.parametrize("name", EVALUATIONS.names())
def test_no_headline_stumbles_over_numbers_withheld(name: str, asked: Callable[[str], Result]) -> None:
    result = asked(name)
    members = ("", *result.frame.loc[result.frame["level"] == "network", "member"].unique())
    metrics = ((), *((metric.name,) for metric in EVALUATIONS[name].metrics))

    for member in members:
        for concerned in metrics:
            said = headline(result, Check("a check", False, "", member, concerned))

            assert "nan" not in said, (member, concerned)


def test_nothing_is_said_of_a_student_whose_numbers_are_void(noisy: Path) -> None:
    result = results_of(noisy)["generalization"]

    section = section_of(result, trusting(result, Check("better than chance", False, "", "still")))

    assert not any(sentence.startswith("still") for sentence in section.sentences)
    assert "better than chance" in section.sentences[-1]
    assert section.sentences[-1].startswith(
        ("Left out, because validity checks failed", "No number here can be trusted")
    )


def test_a_void_difference_is_not_put_down_to_the_images_or_to_a_missing_baseline(noisy: Path) -> None:
    result = results_of(noisy)["generalization"]

    said = headline(result, Check("a check", False, "", "baseline"))

    assert "not compared with the independent baseline, because a validity check failed." in said


def test_what_is_void_everywhere_is_not_a_verdict(noisy: Path) -> None:
    result = results_of(noisy)["generalization"]
    evaluation = EVALUATIONS["generalization"]()

    frame, why = trusting(result, Check("a check", False, "")).withhold(result.frame, evaluation.metrics)

    assert evaluation.headline(frame) == []
    assert [check.name for check in why] == ["a check"]


def test_where_no_check_failed_nothing_is_withheld(noisy: Path) -> None:
    result = results_of(noisy)["generalization"]

    frame, why = trusting(result).withhold(result.frame, EVALUATIONS["generalization"].metrics)

    assert frame.equals(result.frame)
    assert why == ()


@pytest.mark.parametrize("name", EVALUATIONS.names())
def test_no_chart_stumbles_over_numbers_left_out(name: str, asked: Callable[[str], Result]) -> None:
    result, evaluation = asked(name), EVALUATIONS[name]()
    networks = result.frame[result.frame["level"] == "network"].drop_duplicates("member")
    failed = [Check("a check", False, "", member) for member in networks["member"]]
    student = networks[networks["role"] == "student"]["member"].iloc[0]
    failed += [Check("a check", False, "", student, (metric.name,)) for metric in evaluation.metrics]

    for check in failed:
        frame, _ = trusting(result, check).drawable(result.frame, evaluation.metrics)

        drawn = json.dumps(evaluation.chart(frame).to_dict(), allow_nan=False)

        is_role = check.member in ("teacher", "baseline")
        assert check.metrics or is_role or json.dumps(check.member) not in drawn, check


def test_charts_leave_out_what_tables_strike_out_and_say_so(composed: Report) -> None:
    for section in composed.sections:
        struck = [
            label for table in section.tables for label, cells in table.rows if any(cell.untrusted for cell in cells)
        ]
        if "untrained" in struck:
            assert "untrained" not in section.drawing.svg
            assert "better than chance (untrained)" in section.chart_note


def test_where_nothing_is_left_to_draw_the_chart_says_so(noisy: Path) -> None:
    result = results_of(noisy)["generalization"]

    section = section_of(result, trusting(result, Check("a check", False, "")))

    assert "nothing to draw" in section.drawing.svg
    assert section.chart_note == "Nothing is drawn, because validity checks failed: a check."
