"""The same study on a Ray cluster, whose machines come and go."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from robustkd.studies import Execution, load_study, run_study
from robustkd.studies.compare import compare_runs
from robustkd.studies.training import CheckpointInterval

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.slow

OVERRIDES = (
    "students.methods=[baseline, hinton, sp, dml]",
    "training.epochs=20",
    "evaluations=[generalization, fidelity]",
)


@pytest.fixture
def cluster() -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    started = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    started.connect()
    yield started
    ray.shutdown()
    started.shutdown()


def ids_of(run: Path) -> set[str]:
    return {folder.name for folder in (run / "jobs").glob("[!.]*")}


def test_ray_started_here_comes_to_the_numbers_of_one_process(tiny: Path, tmp_path: Path) -> None:
    study = load_study(tiny, ("evaluations=[generalization, fidelity]",))

    run_study(study, tmp_path / "one", device="cpu")
    run_study(study, tmp_path / "ray", device="cpu", execution=Execution("ray", workers=None))

    compared, differences = compare_runs(tmp_path / "one", tmp_path / "ray")
    assert compared > 100
    assert differences == []
    assert ids_of(tmp_path / "one") == ids_of(tmp_path / "ray")
    assert not ray.is_initialized()


def test_a_machine_lost_while_it_trains_costs_nothing_but_time(tiny: Path, tmp_path: Path, cluster: Any) -> None:
    study = load_study(tiny, OVERRIDES)
    run_study(study, tmp_path / "one", device="cpu")
    lost = cluster.add_node(num_cpus=1)
    cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()

    def lose() -> None:
        while not list((tmp_path / "ray" / "jobs").glob(".*.state")):  # until something is under way
            time.sleep(0.1)
        cluster.remove_node(lost)

    losing = threading.Thread(target=lose)
    losing.start()
    how = Execution("ray", workers=None, interval=CheckpointInterval(epochs=1))
    evaluated = run_study(study, tmp_path / "ray", device="cpu", execution=how)
    losing.join()

    assert evaluated.missing == {}
    assert compare_runs(tmp_path / "one", tmp_path / "ray")[1] == []
    assert ids_of(tmp_path / "one") == ids_of(tmp_path / "ray")


def test_a_failed_training_is_a_failure_and_not_a_lost_machine(tiny: Path, tmp_path: Path) -> None:
    study = load_study(tiny, ("students.methods.hinton.training={learning_rate: 1e30}", "evaluations=[generalization]"))

    evaluated = run_study(study, tmp_path / "ray", device="cpu", execution=Execution("ray", workers=1))

    assert list(evaluated.missing) == ["hinton-0"]
    assert "lower the learning rate" in evaluated.missing["hinton-0"]
