"""Batches of images are the same however many processes decode them, and what goes wrong there is said here."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from robustkd.data import ImageSet, load_dataset
from robustkd.data.ahead import one_ahead
from robustkd.data.encoded import streaming
from robustkd.data.encoded.streaming import AHEAD, CHUNK, fits_into_shared_memory, streamed
from robustkd.errors import DataError, StorageError

COUNT = 2 * AHEAD * CHUNK + 5


@pytest.fixture
def images(tmp_path: Path) -> ImageSet:
    """As many small images as two processes are started for, each different."""
    noise = np.random.default_rng(0).integers(0, 256, (COUNT, 4, 4, 3), dtype=np.uint8)
    for index, pixels in enumerate(noise):
        file = tmp_path / str(index % 3) / f"{index:04}.png"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(file)
    return load_dataset(f"folder:{tmp_path}").test


@pytest.mark.parametrize("workers", [0, 1, 2, 50, None])
@pytest.mark.parametrize("batch_size", [7, CHUNK, 100, 1000])
def test_batches_do_not_depend_on_the_number_of_processes(
    images: ImageSet, workers: int | None, batch_size: int
) -> None:
    batches = list(images.with_workers(workers).read_batches(batch_size))

    assert [len(batch) for batch in batches[:-1]] == [batch_size] * (len(batches) - 1)
    assert torch.equal(torch.cat(batches), images.read(torch.arange(COUNT)))


def test_without_shared_memory_images_go_through_pipes(images: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = images.read(torch.arange(COUNT))
    for place in ("/dev/shm", "/not/there"):
        monkeypatch.setattr(streaming, "SHARED_MEMORY", place)
        assert torch.equal(torch.cat(list(images.with_workers(2).read_batches(50))), expected)
    assert not fits_into_shared_memory(1)
    monkeypatch.setattr(streaming, "SHARED_MEMORY", "/")
    assert fits_into_shared_memory(1)
    assert not fits_into_shared_memory(2**60)


def test_processes_decode_where_there_are_enough_images(images: ImageSet) -> None:
    assert decoders(Named(COUNT), workers=2) - {os.getpid()}
    assert len(decoders(Named(COUNT), workers=2)) == 2
    assert decoders(Named(AHEAD * CHUNK - 1), workers=2) == {os.getpid()}
    assert decoders(Named(COUNT), workers=0) == {os.getpid()}


class Named:
    """Images whose pixels are the number of the process that decodes them, in base 256."""

    def __init__(self, count: int) -> None:
        self.count = count

    def decode(self, index: int) -> Tensor | DataError:
        number = os.getpid()
        return torch.tensor([number >> 24 & 255, number >> 16 & 255, number >> 8 & 255, number & 255]).to(torch.uint8)

    def read(self, indices: Tensor) -> Tensor:
        return torch.stack([image for index in indices.tolist() if isinstance(image := self.decode(index), Tensor)])


def decoders(images: Named, workers: int) -> set[int]:
    batches = list(streamed(images, torch.arange(images.count).split(50), workers))
    assert sum(map(len, batches)) == images.count
    return {int.from_bytes(bytes(each)) for each in torch.cat(batches).tolist()}


def test_random_numbers_are_those_of_a_program_without_processes(images: ImageSet) -> None:
    torch.manual_seed(0)
    list(images.with_workers(2).read_batches(50))

    found = torch.rand(1)

    torch.manual_seed(0)
    assert torch.equal(found, torch.rand(1))


@pytest.mark.parametrize("workers", [0, 2])
def test_images_that_cannot_be_decoded_are_counted_in_their_batch(images: ImageSet, workers: int) -> None:
    for index in (3, 6, 9):
        files = images.images.files  # type: ignore[union-attr]
        Image.new("RGB", (9, 9)).save(files[index])

    with pytest.raises(
        DataError, match=r"^3 of 50 image files cannot be used; the first: .*has changed from 4×4 to 9×9"
    ):
        list(images.with_workers(workers).read_batches(50))


class Killed(Named):
    """Images whose decoding takes all memory, so that the system kills the process."""

    def decode(self, index: int) -> Tensor | DataError:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


@pytest.mark.parametrize("ahead", [lambda stream: stream, one_ahead], ids=["main thread", "another thread"])
def test_a_killed_process_is_said_in_one_line(ahead: Callable[[Iterator[Tensor]], Iterator[Tensor]]) -> None:
    with pytest.raises(StorageError, match=r"a process that decodes images was killed; .* use fewer with --workers"):
        list(ahead(streamed(Killed(COUNT), torch.arange(COUNT).split(50), 2)))


def test_a_process_that_may_have_no_children_decodes_by_itself() -> None:
    """A training in a process of its own is such a one."""
    context = multiprocessing.get_context("fork")
    found = context.Queue()
    process = context.Process(target=_decoders_in, args=(found,), daemon=True)
    process.start()

    assert found.get(timeout=60) == {process.pid}
    process.join()


def _decoders_in(found: "multiprocessing.Queue[set[int]]") -> None:
    found.put(decoders(Named(COUNT), workers=2))


def test_a_stream_may_be_left_before_its_end(images: ImageSet) -> None:
    before = len(multiprocessing.active_children())

    stream = images.with_workers(2).read_batches(10)
    next(stream)
    stream.close()  # type: ignore[attr-defined]

    assert len(multiprocessing.active_children()) == before


def test_images_in_memory_come_in_batches_too() -> None:
    digits = load_dataset("digits").with_workers(3).test

    assert torch.equal(torch.cat(list(digits.pixel_batches(300))), digits.pixels(0, 500))
