import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from robustkd.cli import app

HEAVY = ("torch", "timm", "pandas", "altair", "scipy", "sklearn")


def listed(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["list", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("methods", "hinton"),
        ("evaluations", "fidelity"),
        ("conditions", "label_noise"),
        ("datasets", "npz:PATH"),
        ("models", "cifar_wrn_40_2"),
        ("claims", "T1"),
    ],
)
def test_list_shows_what_there_is(kind: str, expected: str) -> None:
    assert expected in listed(kind)


def test_a_method_is_shown_with_its_formula_papers_and_options() -> None:
    shown = listed("methods", "hinton")

    assert "KL(p_t^T ‖ p_s^T)" in shown
    assert "arXiv 1503.02531" in shown
    assert "temperature: number, above 0; default 4.0" in shown


def test_an_evaluation_and_a_condition_are_shown_with_their_options() -> None:
    assert "epsilon: number, above 0, at most 1; default 0.031" in listed("evaluations", "transferability")
    assert "rate: number, at least 0, at most 1; default 0.0" in listed("conditions", "label_noise")
    assert "no options" in listed("conditions", "clean")


def test_models_are_searched_in_timm_too() -> None:
    assert "resnet18\n" in listed("models", "resnet1*")
    assert listed("models", "wrn_10") == "cifar_wrn_10_1\ncifar_wrn_10_2\n"


def test_a_claim_is_shown_with_its_evidence() -> None:
    assert "published evidence: CIFAR-10 +1.16" in listed("claims", "G1")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["list", "methods"],
        ["list", "methods", "at"],
        ["list", "evaluations"],
        ["list", "conditions"],
        ["list", "datasets"],
        ["list", "models", "resnet*"],
        ["list", "claims"],
        ["run", "--help"],
    ],
    ids=" ".join,
)
def test_nothing_heavy_is_imported_for_an_answer(arguments: list[str]) -> None:
    program = (
        f"import sys; sys.argv[1:] = {arguments}\nfrom robustkd.cli import main\n"
        "try: main()\nexcept SystemExit as end: assert end.code == 0\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["li"], "list"),
        (["list", "meth"], "methods"),
        (["list", "methods", "hin"], "hinton"),
        (["train", "--method", "rkd_d"], "rkd_da"),
        (["train", "--architecture", "cifar_wrn_4"], "cifar_wrn_40_2"),
        (["evaluate", "--data", "cifar1"], "cifar100"),
        (["evaluate", "--suite", "q"], "quick"),
        (["evaluate", "--evaluation", "fid"], "fidelity"),
        (["run", "--exec"], "--executor"),
    ],
    ids=" ".join,
)
def test_the_shell_completes(words: list[str], expected: str) -> None:
    line = " ".join(["robustkd", *words])
    program = "import sys; from robustkd.cli import app; sys.argv = ['robustkd']; app(prog_name='robustkd')"
    environment = {"_ROBUSTKD_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words))}

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, **environment}
    )

    assert expected in done.stdout.split(), done.stdout + done.stderr
