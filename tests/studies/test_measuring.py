import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from robustkd.data import Dataset, ImageSet
from robustkd.errors import StudyError
from robustkd.evaluations import EVALUATIONS
from robustkd.evaluations.domains import Domains, DomainsOptions
from robustkd.evaluations.transferability import Transferability, TransferabilityOptions
from robustkd.models import ModelPool, create_model
from robustkd.results.predictions import PredictionCache
from robustkd.results.storage import load_results
from robustkd.studies.measuring import collect, measure

from ..conftest import network


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


def test_what_is_gained_over_a_baseline_of_another_architecture_is_void(data: Dataset, tmp_path: Path) -> None:
    other = create_model("cifar_resnet8", num_classes=3, in_chans=1, seed=3)
    evaluation = EVALUATIONS["generalization"]()
    pool = ModelPool(None, network(1), {"at": other, "sp": network(2)})

    collect(evaluation, [measure(evaluation, pool, data, PredictionCache(data), tmp_path)], tmp_path)

    (result,) = load_results(tmp_path)
    checks = {check.member: check for check in result.checks if check.name == "baseline of the same architecture"}
    assert (checks["at"].passed, checks["sp"].passed) == (False, True)
    assert checks["at"].detail.startswith("at (cifar_resnet8) is compared with baseline (cifar_wrn_10_1), so")
    assert checks["at"].metrics == ("accuracy_gain", "nll_difference")


def test_results_are_read_as_they_were_written(data: Dataset, tmp_path: Path) -> None:
    """An empty group and a student whom CSV takes for an absent value among them."""
    evaluation = EVALUATIONS["generalization"]()
    pool = ModelPool(None, network(1), {"NA": network(2)})

    written = collect(evaluation, [measure(evaluation, pool, data, PredictionCache(data), tmp_path)], tmp_path)

    (result,) = load_results(tmp_path)
    pd.testing.assert_frame_equal(result.frame, written.frame, check_exact=True)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_truncated_table_is_not_read(suffix: str, pool: ModelPool, data: Dataset, tmp_path: Path) -> None:
    evaluation = EVALUATIONS["generalization"]()
    collect(evaluation, [measure(evaluation, pool, data, PredictionCache(data), tmp_path)], tmp_path)
    table = tmp_path / f"generalization{suffix}"
    table.write_bytes(table.read_bytes()[:-40])

    with pytest.raises(
        StudyError, match=rf"generalization\{suffix} has changed since it was written.*run the study again"
    ):
        load_results(tmp_path)


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


def test_other_groups_of_the_same_images_are_measured_again(pool: ModelPool, data: Dataset, tmp_path: Path) -> None:
    evaluation = EVALUATIONS["groups"]()
    halves = replace(data, test=replace(data.test, groups=tuple("ab" * 20)))
    thirds = replace(data, test=replace(data.test, groups=(*"abc" * 13, "a")))

    found = [
        measure(evaluation, pool, images, PredictionCache(images), tmp_path).records.arrays["group_names"].tolist()
        for images in (halves, thirds)
    ]

    assert found == [["a", "b"], ["a", "b", "c"]]


def test_results_say_by_which_rule_each_network_was_chosen(data: Dataset, tmp_path: Path) -> None:
    pool = ModelPool(network(0), network(1), {"dml": network(2)})
    pool.members[0].model.lineage["select"] = "last"
    pool.members[2].model.lineage["select"] = "test"
    evaluation = EVALUATIONS["generalization"]()

    collect(evaluation, [measure(evaluation, pool, data, PredictionCache(data), tmp_path)], tmp_path)

    (part,) = json.loads((tmp_path / "generalization.json").read_text())["parts"]
    assert part["selection"] == {"teacher": "last", "baseline": None, "dml": "test"}


@pytest.mark.parametrize("kind", ["npz", "folder"])
def test_another_data_set_under_the_same_name_is_measured_anew(
    pool: ModelPool, data: Dataset, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / "other.npz" if kind == "npz" else tmp_path / "other" / "a" / "0.png"
    evaluation = Domains(DomainsOptions(sets=(f"npz:{file}" if kind == "npz" else f"folder:{tmp_path / 'other'}@8",)))

    def measured_at(level: int) -> tuple[str, int]:
        pixels = np.full((3, 8, 8), level, dtype=np.uint8)
        file.parent.mkdir(exist_ok=True, parents=True)
        if kind == "npz":
            np.savez(file, x_test=pixels, y_test=np.array([0, 1, level % 3]), classes=np.array(["a", "b", "c"]))
        else:
            Image.fromarray(pixels[0]).save(file)
        part = measure(evaluation, pool, data, PredictionCache(data), tmp_path / "results")
        last = len(part.records.arrays["versions"]) - 1
        return part.key, int(part.records.arrays[f"shown_{last}"].max())

    first, again, changed = measured_at(50), measured_at(50), measured_at(100)

    assert first == again
    assert (first[1], changed[1]) == (50, 100)


def test_what_was_measured_on_other_training_images_is_measured_again(
    pool: ModelPool, data: Dataset, tmp_path: Path
) -> None:
    evaluation = EVALUATIONS["fidelity"]()
    sets = [ImageSet(data.test.images + shift, data.test.labels, data.test.class_names) for shift in (0, 1)]

    first, again, other = (
        measure(evaluation, pool, replace(data, train=train), PredictionCache(data), tmp_path).key
        for train in (sets[0], sets[0], sets[1])
    )

    assert first == again != other
