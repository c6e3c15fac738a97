"""Runs as users start them, killed, side by side, and on disks that are full."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from robustkd.studies.compare import compare_runs

pytestmark = pytest.mark.slow

STUDY = """\
name: survivor
data: {name: digits}
teacher: {architecture: cifar_wrn_10_1, seeds: 7}
students: {architecture: cifar_wrn_10_1, methods: [baseline, hinton, fitnet, one, dml], seeds: [0]}
training: {epochs: 40, milestones: [20], batch_size: 64}
evaluations: [generalization, fidelity]
"""
KILLS = 20
PATIENCE = 900


@pytest.fixture
def study(tmp_path: Path) -> Path:
    (tmp_path / "survivor.yaml").write_text(STUDY)
    return tmp_path / "survivor.yaml"


def start(study: Path, out: Path, *options: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "robustkd", "run", str(study), "--out", str(out), "--device", "cpu", *options]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(process: "subprocess.Popen[str]") -> str:
    told, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, told
    return told


def gone(group: int) -> bool:
    """Whether no process of a group is left, within a minute: one that still imports hears of it late."""
    for _ in range(600):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def test_a_run_killed_at_twenty_random_moments_ends_with_the_numbers_of_one_that_was_not(
    study: Path, tmp_path: Path
) -> None:
    finish(start(study, tmp_path / "whole", "--workers", "2"))
    moments, during = random.Random(20), 0

    for _ in range(KILLS):
        process = start(study, tmp_path / "killed", "--workers", "2", "--checkpoint-epochs", "1")
        time.sleep(moments.uniform(2, 14))
        during += process.poll() is None
        process.kill()  # the driver alone: what it started must end by itself
        process.wait()
        assert gone(process.pid)
    finish(start(study, tmp_path / "killed", "--workers", "2"))

    assert during > KILLS / 2
    compared, differences = compare_runs(tmp_path / "whole", tmp_path / "killed")
    assert compared > 100
    assert differences == []
    models = {run: sorted(file.read_bytes() for file in run.glob("jobs/*/model.safetensors")) for run in runs(tmp_path)}
    assert models[tmp_path / "whole"] == models[tmp_path / "killed"]


def runs(folder: Path) -> list[Path]:
    return [folder / "whole", folder / "killed"]


def test_two_runs_on_one_store_do_every_job_once(study: Path, tmp_path: Path) -> None:
    options = ("--store", str(tmp_path / "jobs"), "--workers", "1")
    both = [start(study, tmp_path / name, *options) for name in ("a", "b")]

    told = [finish(process) for process in both]

    done = [re.findall(r"\] (\S+): trained in [1-9]", text) for text in told]
    assert len(list((tmp_path / "jobs").glob("[!.]*"))) == 6
    assert "running in another process" in "".join(told)
    assert not set(done[0]) & set(done[1])
    assert compare_runs(tmp_path / "a", tmp_path / "b")[1] == []


@pytest.mark.parametrize("wish", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_request_to_stop_ends_the_epoch_and_says_how_to_continue(
    study: Path, tmp_path: Path, workers: str, wish: signal.Signals
) -> None:
    process = start(study, tmp_path / "run", "--workers", workers)
    while not list(tmp_path.glob("run/jobs/.locks/*")):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.2)
    time.sleep(8)

    os.killpg(process.pid, wish)
    told, _ = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "the same command continues" in told
    assert "Traceback" not in told
    assert "failed" not in told
    assert list((tmp_path / "run" / "jobs").glob(".*.state"))
    assert gone(process.pid)
    assert "trained" in finish(start(study, tmp_path / "run"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("needs the right to mount a file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_said_in_one_line_and_nothing_is_half_written(study: Path, small_disk: Path) -> None:
    process = start(study, small_disk / "run", "--workers", "1", "--checkpoint-epochs", "1")
    told, _ = process.communicate(timeout=PATIENCE)

    (line,) = [line for line in told.splitlines() if line.startswith("error:")]
    assert process.returncode == 1
    assert "cannot be written to (No space left on device)" in line
    assert "Traceback" not in told
    assert list(small_disk.rglob("*.partial")) == []


def test_a_folder_that_cannot_be_written_to_is_refused_in_one_line(study: Path, small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)

    process = start(study, small_disk / "run")
    told, _ = process.communicate(timeout=PATIENCE)

    assert process.returncode == 2
    assert told.strip().splitlines()[-1].endswith("run: cannot be written to (Read-only file system)")
    assert "Traceback" not in told
