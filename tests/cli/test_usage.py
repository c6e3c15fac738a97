"""Any mistake in a command line is reported in one line on standard error, with exit code 2."""

import sys
from pathlib import Path

import pytest

from robustkd.cli import main

TRAIN = ["train", "--data", "digits", "--architecture", "cifar_resnet8", "--out", "s.safetensors"]
EVALUATE = ["evaluate", "--data", "digits", "--student", "s.pth"]

CASES = [
    (["lst"], "robustkd: no command 'lst': did you mean list?"),
    (["run"], "robustkd run: STUDY.yaml… is missing"),
    (["run", "nowhere.yaml"], "nowhere.yaml: no such file"),
    (["run", "."], ".: not a file"),
    (["run", "x.yaml", "--devise", "cpu"], "no option --devise: did you mean --device"),
    (["run", "x.yaml", "--workers", "0"], "--workers: must be at least 1"),
    (["run", "x.yaml", "--workers", "two"], "--workers: must be a whole number"),
    (["run", "study.yaml", "--jobs-per-device", "many"], "--jobs-per-device: must be auto or a whole number from 1 on"),
    (["run", "study.yaml", "--jobs-per-device", "0"], "--jobs-per-device: must be auto or a whole number from 1 on"),
    (["run", "x.yaml", "--executor", "slurm"], "--executor: must be one of 'local', 'ray', got 'slurm'"),
    (["run", "x.yaml", "--plugin", "nowhere.py"], "plugin nowhere.py: no such file"),
    (["run", "study.yaml", "--set", "training"], "--set training: must be key=value"),
    (["run", "study.yaml", "--set", "training.epochs=ten"], "--set training.epochs=ten: must be a whole number"),
    (["run", "study.yaml", "--set", "training.epoch=1"], "unknown key 'epoch': did you mean epochs?"),
    (["run", "study.yaml", "--set", "data.name=cifr10"], "unknown data set 'cifr10': did you mean cifar10"),
    (["run", "study.yaml", "--set", "name=[a"], "--set name: not valid YAML"),
    (["run", "bomb.yaml"], "bomb.yaml:1: not valid YAML (its aliases expand to more than 100,000 values)"),
    (["run", "control.yaml"], r"unknown key 'a\x1bb'"),
    (["plan"], "robustkd plan: STUDY.yaml… is missing"),
    (["plan", "study.yaml", "--devices", "x"], "--devices 'x': must be numbers from 1 on"),
    (["report"], "robustkd report: RUN… is missing"),
    (["report", "."], ".: not a finished run"),
    (["report", "a" * 300], "File name too long"),
    (["compare", "a"], "robustkd compare: RUN_B is missing"),
    (["compare", "a", "b", "c"], "robustkd compare: unexpected 'c'"),
    (["compare", "a", "b"], "a: is not a run"),
    (["compare", "a", "b", "--tolerance", "-1"], "--tolerance: must be at least 0"),
    (["list"], "robustkd list: KIND is missing"),
    (["list", "method"], "must be one of 'methods'"),
    (["list", "methods", "hintn"], "unknown method 'hintn': did you mean hinton or hint?"),
    (["list", "datasets", "cifar1"], "unknown data set 'cifar1': did you mean"),
    (["list", "models", "no-such-*"], "no model matches 'no-such-*'"),
    (["list", "claims", "Z9"], "unknown claim 'Z9'"),
    (["evaluate"], "robustkd evaluate: --data is missing"),
    (["evaluate", "--data", "digits"], "nothing to evaluate: give --student"),
    ([*EVALUATE, "--suite", "ful"], "--suite: must be one of 'quick', 'full', got 'ful'"),
    ([*EVALUATE, "--suite", "full", "--evaluation", "fidelity"], "--evaluation takes the place of --suite"),
    ([*EVALUATE, "--set", "steps=1"], "--set steps: must be EVALUATION.OPTION=VALUE"),
    ([*EVALUATE, "--mean", "a,b"], "--mean 'a,b': must be one number for each channel"),
    ([*EVALUATE, "--normalise", "teacher=0.5"], "--normalise 'teacher=0.5': must be NAME=MEAN/STD"),
    ([*EVALUATE, "--normalise", "kd=0.5/0.2"], "no network has the name 'kd'"),
    ([*EVALUATE, "--normalise", "teacher=a/0.2"], "--normalise 'a': must be one number for each channel"),
    ([*EVALUATE, "--pool", "p.yaml"], "--pool describes the networks: leave out --student"),
    (["evaluate", "--data", "digits", "--pool", "p.yaml", "--mean", "0.5"], "leave out --mean"),
    (["evaluate", "--data", "digits", "--pool", "p.yaml"], "p.yaml: no such file"),
    (["evaluate", "--data", "digits", "--student", "kd=hf:"], "--student kd: 'hf:' needs the name of a repository"),
    (["evaluate", "--data", "digits", "--student", "net.onnx"], "net.onnx: ONNX files are not read; save the network"),
    (["evaluate", "--data", "digits", "--student", "hf:./no"], "--student: hf:./no: no such folder"),
    (["evaluate", "--data", "digits", "--student", "hf:.", "--ema"], "leave out ema"),
    ([*EVALUATE, "--classes", "1,2"], "--classes: has 2 indices, the data 10 classes"),
    ([*EVALUATE, "--classes", "kd=1,2"], "--classes: no network has the name 'kd'"),
    ([*EVALUATE, "--classes", "teacher=1,2"], "--classes teacher: has 2 indices, the data 10 classes"),
    ([*EVALUATE, "--classes", "1", "--classes", "2"], "--classes: given twice for all networks"),
    ([*EVALUATE, "--bgr", "kd"], "--bgr: no network has the name 'kd'"),
    ([*EVALUATE, "--class-map", "none.json"], "--class-map none.json: no such file"),
    ([*EVALUATE, "--classes", "1", "--class-map", "none.json"], "--classes and --class-map say the same"),
    ([*EVALUATE, "--condition", "[a"], "--condition: not valid YAML"),
    (
        ["evaluate", "--data", "torchvision/MNITS", *EVALUATE[3:]],
        "no such set of classified images: did you mean MNIST",
    ),
    (["evaluate", "--data", "torchvision/USPS", *EVALUATE[3:], "--data-root", "."], "torchvision/USPS: not found in ."),
    (["evaluate", "--data", "torchvision/", *EVALUATE[3:]], "needs a name after the slash"),
    (["evaluate", "--data", "folder:none", *EVALUATE[3:]], "none: no such folder"),
    (["evaluate", "--data", "folder:none.csv", *EVALUATE[3:]], "none.csv: no such folder"),
    (["evaluate", "--data", "folder:.@skip=yes", *EVALUATE[3:]], "unknown option 'skip'"),
    (["evaluate", "--data", "folder:.@broken=no", *EVALUATE[3:]], "broken must be refuse or skip, got 'no'"),
    (["evaluate", "--data", "webdataset:x.tar", *EVALUATE[3:]], "x.tar: no such file"),
    (["evaluate", "--data", "webdataset:.", *EVALUATE[3:]], "holds no tar files"),
    (["evaluate", "--data", "webdataset:s3://x/y.tar", *EVALUATE[3:]], "is not on this machine"),
    (["evaluate", "--data", "webdataset:study.yaml", *EVALUATE[3:]], "study.yaml: no tar file"),
    (["train", "--data", "folder", *TRAIN[3:]], "unknown data set 'folder': did you mean folder:"),
    (EVALUATE, "--student: s.pth: no such file"),
    (["evaluate", "--data", "digits", "--student", "kd=s.pth"], "--student kd: s.pth: no such file"),
    (["evaluate", "--data", "digits", "--student", "a" * 300], "File name too long"),
    (["evaluate", "--data", "npz:", "--student", "s.pth"], "'npz:' needs a path after the colon"),
    (["doctor", "--models", "s.pth"], "--models needs images to try the networks on: give --data"),
    (["doctor", "--data", "digits"], "--data is for --models: name the networks"),
    (["doctor", "--data", "digits", "--models", "kd=s.pth"], "--models kd: s.pth: no such file"),
    (["doctor", "--data", "digts", "--models", "s.pth"], "unknown data set 'digts'"),
    (["train"], "robustkd train: --data is missing"),
    ([*TRAIN, "--method", "hintn"], "--method: unknown method 'hintn': did you mean hinton or hint?"),
    ([*TRAIN, "--method", "hinton"], "--method hinton needs a teacher: give --teacher"),
    ([*TRAIN, "--set", "temperature=3"], "--set temperature: unknown key 'temperature': no name is valid here"),
    ([*TRAIN, "--set", "training.epochs=0"], "--set training.epochs: must be greater than or equal to 1, got 0"),
    ([*TRAIN, "--set", "training=5"], "--set training: must be training.KEY=VALUE"),
    ([*TRAIN, "--set", "training.nesterov=true", "--set", "training.momentum=0"], "nesterov: true needs"),
    ([*TRAIN, "--architecture", "resnet19"], "unknown architecture 'resnet19': did you mean resnet18"),
    ([*TRAIN, "--condition", "noisy"], "unknown condition 'noisy'"),
    ([*TRAIN, "--seed", "-1"], "--seed: must be at least 0"),
    ([*TRAIN, "--out", "."], "--out .: is a directory"),
]

STUDY = "name: s\ndata: {name: digits}\nstudents: {architecture: cifar_resnet8, methods: [baseline], seeds: 0}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "study.yaml").write_text(STUDY)
    (tmp_path / "net.onnx").write_bytes(b"\x08\x08\x12\x07pytorch")
    (tmp_path / "control.yaml").write_text(STUDY + '"a\\u001bb": 1\n')
    lines = [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10) if level else '1'}]" for level in range(9)]
    (tmp_path / "bomb.yaml").write_text("\n".join(lines) + "\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("arguments", "message"), CASES, ids=[" ".join(case[0])[:60] for case in CASES])
def test_bad_input_is_one_line_and_exit_code_two(
    arguments: list[str],
    message: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = {path.name for path in folder.iterdir()}
    monkeypatch.setattr(sys, "argv", ["robustkd", *arguments])

    with pytest.raises(SystemExit) as exited:
        main()

    said = capsys.readouterr().err
    assert exited.value.code == 2, said
    assert said.startswith("error: ")
    assert message in said
    assert said.count("\n") == 1
    assert not any(jargon in said for jargon in ("Value error", "Input should", "Traceback", "pattern"))
    assert {path.name for path in folder.iterdir()} == before
