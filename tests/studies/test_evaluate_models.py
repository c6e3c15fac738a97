import json
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

import robustkd as rk
from robustkd.atomic import write_text
from robustkd.data import Dataset
from robustkd.errors import BadInputError, ModelError
from robustkd.studies import Evaluated, answers

FAST = {"transferability": {"images": 10, "steps": 1, "square_queries": 20}}


def network(seed: int, num_classes: int = 10) -> rk.PixelModel:
    return rk.create_model("cifar_wrn_10_1", num_classes=num_classes, in_chans=1, seed=seed)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return rk.load_dataset("digits")


@pytest.fixture(scope="module")
def pool() -> rk.ModelPool:
    return rk.ModelPool(network(0), network(1), {"at": network(2)})


@pytest.fixture(scope="module")
def evaluated(pool: rk.ModelPool, digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    out = tmp_path_factory.mktemp("evaluated") / "run"
    return rk.evaluate(pool, digits, options=FAST, limit=30, out=out, device="cpu")


def test_it_gives_tidy_results_and_a_page(evaluated: Evaluated) -> None:
    predictions = {"generalization", "fidelity", "knowledge", "calibration", "selective", "confidence"}
    assert set(evaluated.results) == {*predictions, "transferability"}
    assert isinstance(evaluated.results["fidelity"], pd.DataFrame)
    assert evaluated.page == evaluated.path / "report" / "index.html"
    assert evaluated.page.is_file()


def test_the_run_holds_the_files_of_the_contract(evaluated: Evaluated) -> None:
    expected = {"study.yaml", "run.json", "report/index.html", "report/report.md", "report/provenance.json"}
    for name in ("generalization", "fidelity", "transferability"):
        expected |= {f"results/{name}.{kind}" for kind in ("csv", "parquet", "npz", "json")}
        expected |= {f"report/tables/{name}.{kind}" for kind in ("csv", "tex")}
        expected |= {f"report/figures/{name}.{kind}" for kind in ("svg", "png")}
    assert expected <= {str(file.relative_to(evaluated.path)) for file in evaluated.path.rglob("*")}


def test_after_each_evaluation_the_run_says_what_is_measured_and_what_is_to_come(
    pool: rk.ModelPool, digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[list[str], list[str] | None]] = []

    def write(path: Path, text: str) -> None:
        facts = json.loads(text)
        seen.append((facts["evaluations"], facts.get("to_come")))
        write_text(path, text)

    monkeypatch.setattr(answers, "write_text", write)
    part = answers.EvaluatedPart(pool)
    about = {"name": "two", "study": "", "selection": ""}
    sample = replace(digits, test=digits.test.subset(digits.test.sample_indices(30)))
    options = {"generalization": None, "calibration": None}
    answers.evaluate_parts([part], sample, options, tmp_path, torch.device("cpu"), about)

    assert seen == [
        ([], ["generalization", "calibration"]),
        (["generalization"], ["calibration"]),
        (["generalization", "calibration"], None),
    ]


def test_csv_and_parquet_hold_the_same_numbers(evaluated: Evaluated) -> None:
    for name, frame in evaluated.results.items():
        csv = pd.read_csv(evaluated.path / "results" / f"{name}.csv", float_precision="round_trip")
        parquet = pd.read_parquet(evaluated.path / "results" / f"{name}.parquet")
        for column in ("value", "ci_low", "ci_high", "std"):
            pd.testing.assert_series_equal(csv[column], frame[column], check_exact=True)
            pd.testing.assert_series_equal(parquet[column], frame[column], check_exact=True)


def test_what_a_killed_process_left_half_written_goes(pool: rk.ModelPool, digits: Dataset, tmp_path: Path) -> None:
    rk.evaluate(pool, digits, ["generalization"], limit=20, out=tmp_path, device="cpu")
    left = [tmp_path / folder / ".x.csv.0123.partial" for folder in (".", "results", "predictions")]
    for file in left:
        file.write_text("half")

    rk.evaluate(pool, digits, ["generalization"], limit=20, out=tmp_path, device="cpu")

    assert not any(file.exists() for file in left)


def test_measuring_again_attacks_nothing_again(
    pool: rk.ModelPool, digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ["generalization", "transferability"]
    first = rk.evaluate(pool, digits, asked, options=FAST, limit=30, out=tmp_path / "run", device="cpu")
    monkeypatch.setattr("robustkd.evaluations.transferability.attack_all", lambda *_: pytest.fail("attacked again"))
    monkeypatch.setattr("robustkd.results.predictions.predict", lambda *_: pytest.fail("predicted again"))

    second = rk.evaluate(pool, digits, asked, options=FAST, limit=30, out=tmp_path / "run", device="cpu")

    for name in first.results:
        pd.testing.assert_frame_equal(first.results[name], second.results[name])


def test_without_a_teacher_fidelity_is_skipped_and_the_report_says_so(digits: Dataset, tmp_path: Path) -> None:
    pool = rk.ModelPool(baseline=network(1), students={"at": network(2)})

    evaluated = rk.evaluate(pool, digits, ["generalization", "fidelity"], limit=30, out=tmp_path / "run", device="cpu")

    assert "generalization" in evaluated.results
    assert "fidelity" not in evaluated.results
    assert not evaluated.missing
    assert "Not evaluated: fidelity (needs a teacher)" in evaluated.page.read_text(encoding="utf-8")


def test_what_cannot_be_asked_of_these_images_is_skipped_in_a_line(digits: Dataset, tmp_path: Path) -> None:
    pool = rk.ModelPool(students={"at": network(2)})

    evaluated = rk.evaluate(pool, digits, ["generalization", "groups"], limit=30, out=tmp_path / "run", device="cpu")

    assert "groups" not in evaluated.results
    assert not evaluated.missing
    assert "groups (needs the group of each test image" in evaluated.page.read_text(encoding="utf-8")


def test_a_single_student_is_enough(digits: Dataset, tmp_path: Path) -> None:
    pool = rk.ModelPool(students={"at": network(2)})

    assert rk.evaluate(pool, digits, options=FAST, limit=30, out=tmp_path / "run", device="cpu").page.is_file()


def test_evaluations_that_are_named_are_asked_and_no_other(pool: rk.ModelPool, digits: Dataset, tmp_path: Path) -> None:
    report = rk.evaluate(pool, digits, ["fidelity"], limit=30, out=tmp_path / "run", device="cpu")

    assert set(report.results) == {"fidelity"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"suite": "quik"}, r"unknown suite 'quik': did you mean quick\?"),
        ({"suite": "fidelity"}, r"unknown suite 'fidelity': name evaluations in a list, as \['fidelity'\]"),
        ({"suite": []}, "nothing to measure: name an evaluation"),
        ({"suite": ["fidelty"]}, "unknown evaluation 'fidelty'"),
        ({"options": {"fidelty": {}}}, "unknown evaluation 'fidelty'"),
        ({"options": {"transferability": {"eps": 1}}}, "unknown key 'eps'"),
        ({"limit": 0}, "limit must be at least 1"),
        ({"device": "cuda:99"}, "not available here"),
    ],
)
def test_wrong_settings_are_refused(
    pool: rk.ModelPool, digits: Dataset, tmp_path: Path, settings: dict, message: str
) -> None:
    with pytest.raises(BadInputError, match=message):
        rk.evaluate(pool, digits, **{"device": "cpu", "out": tmp_path / "run", **settings})


def test_models_of_another_class_count_are_refused(digits: Dataset, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="network at: gives 3 outputs for each image, but the data has 10 classes"):
        rk.evaluate(rk.ModelPool(students={"at": network(0, num_classes=3)}), digits, out=tmp_path / "run")


def test_models_trained_under_a_condition_are_asked_about_it(
    pool: rk.ModelPool, digits: Dataset, tmp_path: Path
) -> None:
    noise = {"label_noise": {"rate": 0.4}}

    evaluated = rk.evaluate(pool, digits, options=FAST, condition=noise, limit=30, out=tmp_path / "run", device="cpu")

    frame = evaluated.results["label_noise"].set_index("metric")
    assert set(frame["condition"]) == {"label noise 40%"}
    assert frame.loc["realised_rate", "value"].iloc[0] == pytest.approx(0.36, abs=0.04)
    assert "memorised" in frame.index


def test_a_teacher_trained_on_clean_labels_audits_the_noisy_ones_of_its_students(
    digits: Dataset, tmp_path: Path
) -> None:
    teacher = rk.Member(network(0), "teacher", "teacher", condition="clean")
    pool = rk.ModelPool(baseline=network(1), students={"at": network(2)}, members=[teacher])
    noise, asked = {"label_noise": {"rate": 0.4}}, ["label_noise"]

    evaluated = rk.evaluate(pool, digits, asked, condition=noise, limit=30, out=tmp_path / "run", device="cpu")

    frame = evaluated.results["label_noise"]
    values = frame[frame["level"] == "method"].set_index(["metric", "member"])["value"]
    assert values["realised_rate", "at"] == pytest.approx(0.36, abs=0.04)
    assert pd.isna(values["realised_rate", "teacher"])
    assert pd.isna(values["memorised", "teacher"])
    assert list(values["audit_auroc"].index) == ["teacher"]


def test_a_member_trained_under_yet_another_condition_is_refused(digits: Dataset, tmp_path: Path) -> None:
    pool = rk.ModelPool(members=[rk.Member(network(0), "student", "at", condition="label noise 20%")])

    with pytest.raises(BadInputError, match="at was trained under 'label noise 20%'"):
        rk.evaluate(pool, digits, condition={"label_noise": {"rate": 0.4}}, out=tmp_path / "run", device="cpu")


def test_a_condition_that_is_none_is_refused(pool: rk.ModelPool, digits: Dataset, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="unknown condition 'noise': did you mean label_noise"):
        rk.evaluate(pool, digits, condition={"noise": {}}, out=tmp_path / "run", device="cpu")


def test_the_report_says_how_given_checkpoints_were_chosen_as_far_as_they_say_it(
    digits: Dataset, tmp_path: Path
) -> None:
    for name, lineage in (("ours", {"select": "last"}), ("theirs", {})):
        rk.save_model(network(0), tmp_path / f"{name}.safetensors", lineage)
    ours, theirs = (rk.load_model(tmp_path / f"{name}.safetensors") for name in ("ours", "theirs"))
    options = {"suite": ["generalization"], "limit": 20, "out": tmp_path / "run", "device": "cpu"}

    run = rk.evaluate(rk.ModelPool(baseline=ours, students={"at": theirs}), digits, **options).path

    said = json.loads((run / "run.json").read_text())["selection"]
    assert re.search("baseline: the last epoch of every training; .*; at: how their epochs .* not known$", said)
    assert said in (run / "report" / "report.md").read_text()
    (part,) = json.loads((run / "results" / "generalization.json").read_text())["parts"]
    assert part["selection"] == {"baseline": "last", "at": None}
