"""What Ray is asked for; no cluster is needed to know that."""

import pytest

pytest.importorskip("ray")

from robustkd.studies.executors.ray import placed


@pytest.mark.parametrize(
    ("device", "gpus", "expected"),
    [
        ("cuda", 4, ("cuda", {"num_gpus": 0.5})),
        ("cuda:1", 4, ("cuda", {"num_gpus": 0.5})),
        ("auto", 4, ("cuda", {"num_gpus": 0.5})),
        ("auto", 0, ("cpu", {"num_cpus": 3.0})),
        ("cpu", 4, ("cpu", {"num_cpus": 3.0})),
        ("mps", 0, ("mps", {"num_cpus": 3.0})),
    ],
)
def test_a_training_on_a_gpu_asks_for_a_share_of_one_and_any_other_for_cores(
    device: str, gpus: float, expected: tuple[str, dict[str, float]]
) -> None:
    assert placed(device, gpus, jobs_per_device=2, threads=3) == expected
