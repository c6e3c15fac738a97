import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

import robustkd as rk
from robustkd.cli import app
from robustkd.progress import duration

FAST = ("--set", "transferability.steps=1", "--set", "transferability.square_queries=20")

ACCURACY_ALONE = ("--evaluation", "generalization")


def robustkd(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "robustkd", *arguments]
    return subprocess.run(command, capture_output=True, text=True, **options)  # type: ignore[call-overload]


def test_doctor_tells_where_data_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROBUSTKD_DATA", str(tmp_path))
    (tmp_path / "cifar10.npz").touch()

    result = CliRunner().invoke(app, ["doctor"])

    assert f"found in {tmp_path}" in result.stdout
    assert "cifar100           not found" in result.stdout


def test_evaluate_takes_models_that_robustkd_never_made(tmp_path: Path) -> None:
    import timm

    torch.manual_seed(0)
    teacher = timm.create_model("mobilenetv3_small_050", num_classes=10, in_chans=1)
    student = rk.create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=1)
    for name, network in (("teacher", teacher), ("student", student)):
        torch.save(
            {"state_dict": {f"module.{key}": value for key, value in network.state_dict().items()}},
            tmp_path / f"{name}.pth",
        )

    done = robustkd(
        *("evaluate", "--data", "digits", "--teacher", "mobilenetv3_small_050:teacher.pth"),
        *("--student", "mine=cifar_wrn_10_1:student.pth", "--mean", "0.3", "--std", "0.4", "--limit", "20"),
        *("--normalise", "teacher=0.1/0.2"),
        *FAST,
        *("--out", "run", "--device", "cpu"),
        cwd=tmp_path,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "run/report/index.html"
    said = " ".join(done.stdout.split())
    assert "│ mine │" in said
    assert "robustkd doctor --data digits --models mine=… tries other settings" in done.stderr
    assert "better than chance (teacher and mine)" in said  # they are untrained, and nothing more is said of them


def test_evaluate_takes_an_image_classifier_of_transformers(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    sizes = {"embedding_size": 4, "hidden_sizes": [4], "depths": [1], "layer_type": "basic"}
    config = transformers.ResNetConfig(**sizes, num_channels=1, num_labels=10)
    transformers.ResNetForImageClassification(config).save_pretrained(tmp_path / "theirs")
    transformers.ViTImageProcessor(size={"height": 8, "width": 8}, image_mean=[0.3], image_std=[0.4]).save_pretrained(
        tmp_path / "theirs"
    )

    done = robustkd(
        *("evaluate", "--data", "digits", "--student", "mine=hf:theirs", "--limit", "20", *FAST),
        *("--out", "run", "--device", "cpu"),
        cwd=tmp_path,
    )

    assert done.returncode == 0, done.stderr
    assert "Loading weights" not in done.stderr
    (told,) = json.loads((tmp_path / "run" / "run.json").read_text())["members"]
    assert told["source"] == "hf:theirs"
    assert told["preprocessing"] == "mean 0.3; std 0.4; resized to 8, bilinear"


def test_an_evaluation_that_cannot_be_made_is_missing_and_exits_with_one(tmp_path: Path) -> None:
    rk.save_model(rk.create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=0), tmp_path / "s.safetensors")

    done = robustkd(
        *("evaluate", "--data", "digits", "--student", "at=s.safetensors", "--limit", "20"),
        *("--set", "transferability.attack={name: PIFGSM, max_epsilon: 0.1}", "--out", "run", "--device", "cpu"),
        cwd=tmp_path,
    )

    assert done.returncode == 1
    assert "missing: evaluation transferability: EvaluationError: PIFGSM cannot attack images of 1×8×8" in done.stderr
    assert (tmp_path / "run" / "report" / "index.html").is_file()


def test_the_same_name_twice_is_two_seeds_of_one_student(tmp_path: Path) -> None:
    for seed in (0, 1):
        model = rk.create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=seed)
        rk.save_model(model, tmp_path / f"{seed}.safetensors")

    done = robustkd(
        *("evaluate", "--data", "digits", "--student", "at=0.safetensors", "--student", "at=1.safetensors"),
        *("--limit", "20", *ACCURACY_ALONE, "--out", "run", "--device", "cpu"),
        cwd=tmp_path,
    )

    assert done.returncode == 0, done.stderr
    names = (tmp_path / "run" / "results" / "generalization.csv").read_text()
    assert "network,at-0," in names
    assert "network,at-1," in names


def test_several_teachers_are_an_ensemble_and_a_control_is_a_student_of_another(tmp_path: Path) -> None:
    for seed in range(4):
        model = rk.create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=seed)
        rk.save_model(model, tmp_path / f"{seed}.safetensors")

    done = robustkd(
        *("evaluate", "--data", "digits", "--teacher", "0.safetensors", "--teacher", "1.safetensors"),
        *("--student", "at=2.safetensors", "--control", "at=3.safetensors", "--limit", "20", *ACCURACY_ALONE),
        *("--out", "run", "--device", "cpu"),
        cwd=tmp_path,
    )

    assert done.returncode == 0, done.stderr
    names = (tmp_path / "run" / "results" / "generalization.csv").read_text()
    assert "teacher,teacher,ensemble of 2 cifar_wrn_10_1," in names
    assert "at of another teacher,,control,at of another teacher," in names


def test_networks_trained_on_clean_labels_are_named_and_audit_the_noisy_ones(tmp_path: Path) -> None:
    for seed, name in enumerate("tbs"):
        model = rk.create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=seed)
        rk.save_model(model, tmp_path / f"{name}.safetensors")
    models = ("--teacher", "t.safetensors", "--baseline", "b.safetensors", "--student", "at=s.safetensors")
    rest = ("--condition", "label_noise: {rate: 0.4}", "--limit", "20", "--evaluation", "label_noise")
    command = ("evaluate", "--data", "digits", *models, *rest, "--out", "run", "--device", "cpu")

    done = robustkd(*command, "--clean", "teacher", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    rows = (tmp_path / "run" / "results" / "label_noise.csv").read_text().splitlines()
    audited = [row.split(",")[2] for row in rows if ",audit_auroc," in row]
    assert set(audited) == {"teacher"}


def test_a_clean_network_that_is_none_of_the_models_is_refused(tmp_path: Path) -> None:
    rk.save_model(rk.create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=0), tmp_path / "s.safetensors")

    done = robustkd("evaluate", "--data", "digits", "--student", "at=s.safetensors", "--clean", "teacher", cwd=tmp_path)

    assert done.returncode == 2
    assert done.stderr == "error: --clean 'teacher': no such model; known: at\n"


def test_compare_leaves_with_one_where_numbers_differ(tmp_path: Path) -> None:
    digits = rk.load_dataset("digits")
    runs = []
    for seed in (0, 1):
        pool = rk.ModelPool(students={"at": rk.create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=seed)})
        runs.append(
            str(rk.evaluate(pool, digits, ["generalization"], limit=30, out=tmp_path / str(seed), device="cpu").path)
        )

    same, other = (CliRunner().invoke(app, ["compare", runs[0], run]) for run in runs)

    assert (same.exit_code, other.exit_code) == (0, 1)
    assert "numbers are equal" in same.stdout
    assert "numbers differ" in other.stdout


def test_plan_lists_the_jobs_and_what_they_take(tmp_path: Path) -> None:
    study = Path(__file__).parents[1] / "studies" / "tiny.yaml"

    done = robustkd("plan", str(study), "--out", str(tmp_path / "run"), "--devices", "1,2", "--device", "cpu")

    assert done.returncode == 0
    assert re.search(r"student\s*│ hinton-0\s*│ to do │ cifar_wrn_10_1-7", done.stdout)
    assert re.search(r"3 trainings to do on cpu .*\n.*longest chain of trainings: \d+ s", done.stdout)
    assert re.findall(r"trainings on (\d) devices?: \d+ s", done.stdout) == ["1", "2"]
    assert not (tmp_path / "run").exists()


def test_numbers_of_devices_must_be_numbers(tmp_path: Path) -> None:
    done = robustkd("plan", str(tmp_path / "any.yaml"), "--devices", "many")

    assert (done.returncode, done.stderr) == (2, "error: --devices 'many': must be numbers from 1 on, as in 1,8,64\n")


@pytest.mark.parametrize(
    ("seconds", "written"), [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (5400, "1.5 h"), (200_000, "2.3 days")]
)
def test_times_are_written_as_people_do(seconds: float, written: str) -> None:
    assert duration(seconds) == written


def test_a_file_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    run = rk.evaluate(
        rk.ModelPool(baseline=rk.create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=0)),
        rk.load_dataset("digits"),
        ["generalization"],
        limit=20,
        out=tmp_path / "run",
        device="cpu",
    ).path
    shutil.rmtree(run / "report")
    (run / "report").touch()

    done = robustkd("report", str(run))

    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"error: .*report.*\n", done.stderr)
