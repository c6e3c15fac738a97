"""What robustkd asks Ray for, and what it forbids Ray to do; these tests need no cluster."""

import signal

import pytest

pytest.importorskip("ray")

import ray

from robustkd.errors import BadInputError
from robustkd.studies.executors.ray import connect, placed


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


def test_ray_leaves_the_programs_signals_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(ray, "init", lambda **settings: signal.signal(signal.SIGTERM, signal.SIG_IGN))
    try:
        connect(None)

        assert signal.getsignal(signal.SIGTERM) == before
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(("address", "hinted"), [("ray://first:10001", True), ("first:6379", False)])
def test_a_cluster_that_does_not_answer_is_said_with_what_a_client_needs(
    address: str, hinted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**settings: object) -> None:
        raise ConnectionError("ray client connection timeout")

    monkeypatch.setattr(ray, "init", refuse)
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)

    with pytest.raises(BadInputError, match="no Ray cluster answers") as refusal:
        connect(address)

    assert ("RAY_AUTH_MODE=token" in str(refusal.value)) is hinted
