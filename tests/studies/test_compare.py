import hashlib
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from robustkd.data import Dataset, load_dataset
from robustkd.errors import BadInputError, StudyError
from robustkd.models import ModelPool, create_model
from robustkd.results.storage import load_results
from robustkd.studies import compare_runs, evaluate, load_study, run_study
from robustkd.studies.compare import NUMBERS


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    digits: Dataset = load_dataset("digits")
    teacher, baseline, student = (
        create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=seed) for seed in range(3)
    )
    out = tmp_path_factory.mktemp("runs") / "first"
    options = {"transferability": {"images": 10, "steps": 1, "square_queries": 20}}
    return evaluate(
        ModelPool(teacher, baseline, {"at": student}), digits, options=options, limit=40, out=out, device="cpu"
    ).path


def test_a_run_equals_its_copy(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "copy")

    compared, differences = compare_runs(run, tmp_path / "copy")

    assert compared > 50
    assert differences == []


def test_the_differing_cell_is_named_with_both_values(run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(run, tmp_path / "copy")
    file = copy / "results" / "generalization.parquet"
    frame = pd.read_parquet(file)
    old = float(frame.loc[0, "value"])
    frame.loc[0, "value"] = old + 0.25
    frame.to_parquet(file, index=False)
    about = json.loads(file.with_suffix(".json").read_text())
    about["sha256"][".parquet"] = hashlib.sha256(file.read_bytes()).hexdigest()
    file.with_suffix(".json").write_text(json.dumps(about))

    _, (difference,) = compare_runs(run, copy)

    assert difference.place == "generalization: network teacher clean accuracy: value"
    assert (difference.first, difference.second) == (old, old + 0.25)
    assert compare_runs(run, copy, tolerance=0.3)[1] == []


def test_a_run_of_a_version_with_other_columns_is_compared_in_those_that_both_have(run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(run, tmp_path / "copy")
    file = copy / "results" / "generalization.parquet"
    pd.read_parquet(file).rename(columns={"p_value": "p_holm"}).to_parquet(file, index=False)
    about = json.loads(file.with_suffix(".json").read_text())
    about["sha256"][".parquet"] = hashlib.sha256(file.read_bytes()).hexdigest()
    file.with_suffix(".json").write_text(json.dumps(about))

    _, differences = compare_runs(run, copy)

    assert differences
    assert all(each.place.endswith(": p_value") and each.second is None for each in differences)
    with pytest.raises(
        StudyError, match=r"generalization\.\*: another version of robustkd wrote it; run the study again"
    ):
        load_results(copy / "results")


def test_an_evaluation_that_one_run_lacks_is_a_difference(run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(run, tmp_path / "copy")
    for file in (copy / "results").glob("fidelity.*"):
        file.unlink()

    _, differences = compare_runs(run, copy)

    assert differences
    assert all(difference.place.startswith("fidelity") for difference in differences)
    assert all(difference.first is not None for difference in differences)
    assert all(difference.second is None for difference in differences)


def test_a_folder_that_is_not_a_run_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="not a run"):
        compare_runs(run, tmp_path)


def test_no_number_hides_another(tmp_path: Path) -> None:
    overrides = ("students.architecture=[cifar_wrn_10_1, cifar_resnet8]", "evaluations=[generalization, calibration]")
    study = load_study(Path(__file__).parent / "tiny.yaml", overrides)
    run = run_study(study, tmp_path / "run", device="cpu").path

    compared, _ = compare_runs(run, run)

    frames = [pd.read_csv(file) for file in (run / "results").glob("*.csv")]
    assert compared == sum(int(frame[NUMBERS].notna().sum().sum()) for frame in frames)


def test_a_run_whose_study_is_not_finished_is_refused(run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(run, tmp_path / "copy")
    facts = json.loads((copy / "run.json").read_text())
    (copy / "run.json").write_text(json.dumps(facts | {"to_come": ["calibration"]}))

    with pytest.raises(BadInputError, match="the study is not finished; still to come: calibration"):
        compare_runs(run, copy)
