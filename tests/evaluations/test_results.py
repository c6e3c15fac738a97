import json
from pathlib import Path

from robustkd.data import Dataset
from robustkd.evaluations import EVALUATIONS
from robustkd.evaluations.predictions import PredictionCache
from robustkd.evaluations.results import collect, load_results, measure
from robustkd.evaluations.transferability import Transferability, TransferabilityOptions
from robustkd.models import ModelPool, create_model

from .conftest import network


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


def test_a_baseline_of_another_architecture_is_told(data: Dataset, tmp_path: Path) -> None:
    other = create_model("cifar_resnet8", num_classes=3, in_chans=1, seed=3)
    evaluation = EVALUATIONS["generalization"]()

    for pool, told in (
        (ModelPool(None, network(1), {"at": other}), True),
        (ModelPool(None, network(1), {"at": network(2)}), False),
    ):
        collect(evaluation, [measure(evaluation, pool, data, PredictionCache(data), tmp_path)], tmp_path)
        (result,) = load_results(tmp_path)
        found = [check.detail for check in result.checks if check.name == "baseline of another architecture"]
        assert bool(found) is told
        assert not told or found == ["at (cifar_resnet8) is held against baseline (cifar_wrn_10_1)"]


def test_results_are_json_that_everyone_reads_even_with_an_infinite_option(
    pool: ModelPool, data: Dataset, tmp_path: Path
) -> None:
    options = TransferabilityOptions(
        steps=1, images=4, attack={"name": "PGD", "eps": float("inf"), "random_start": False}, white_box=()
    )
    evaluation = Transferability(options)

    collect(evaluation, [measure(evaluation, pool, data, PredictionCache(data), tmp_path)], tmp_path)

    about = json.loads((tmp_path / "transferability.json").read_text(), parse_constant=refuse)
    assert about["settings"]["options"]["attack"]["eps"] == "inf"
