"""Decode batches of images in worker processes while the caller uses the batches before them."""

import multiprocessing
import os
import shutil
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, get_worker_info
from torch.utils.data import Dataset as Indexed

from robustkd.data.ahead import one_ahead
from robustkd.data.encoded.headers import refuse_broken
from robustkd.errors import DataError, StorageError

CHUNK = 64
"""The number of images that a process decodes at a time: few, so that memory does not depend on the batch size."""

AHEAD = 2
"""The number of chunks that each process decodes in advance."""

MOST_WORKERS = 32

SHARED_MEMORY = "/dev/shm"


class Decodable(Protocol):
    """Images that can be decoded."""

    def read(self, indices: Tensor) -> Tensor:
        """Decode the images at `indices`, int64 (B,), to uint8 (B, 3, H, W)."""

    def decode(self, index: int) -> Tensor | DataError:
        """Decode one image to uint8 (3, H, W), or return an error."""


def streamed(images: Decodable, batches: Sequence[Tensor], workers: int | None) -> Iterator[Tensor]:
    """Decode batches of images one after another.

    Args:
        images: The images.
        batches: The indices of the images of each batch, int64 (B,).
        workers: The number of processes; 0 for threads of this process, None for one process for each core.

    Yields:
        uint8 (B, 3, H, W).

    Raises:
        DataError: Images of a batch cannot be decoded.
        StorageError: A process was killed.
    """
    count = sum(len(batch) for batch in batches)
    wanted = workers if workers is not None else min(available_cores(), MOST_WORKERS)
    wanted = min(wanted, count // (AHEAD * CHUNK))  # starting a process takes longer than a few images
    return _by_processes(images, batches, wanted) if wanted and _can_fork() else one_ahead(map(images.read, batches))


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _can_fork() -> bool:
    """Whether processes can be started from this one without importing its main module again.

    Elsewhere than on Linux, forking is unsafe. A daemonic process, such as one that trains, must not have children.
    """
    return sys.platform == "linux" and not multiprocessing.current_process().daemon


class _Chunks(Indexed[Any]):
    """The images of a list of indices."""

    def __init__(self, images: Decodable) -> None:
        self._images = images

    def __getitem__(self, chunk: list[int]) -> Tensor | np.ndarray | list[DataError]:
        decoded = [self._images.decode(index) for index in chunk]
        if errors := [image for image in decoded if isinstance(image, DataError)]:
            return errors
        pixels = torch.stack([image for image in decoded if isinstance(image, Tensor)])
        return pixels if fits_into_shared_memory(pixels.nbytes) else pixels.numpy()


def fits_into_shared_memory(size: int) -> bool:
    """Return whether a process may send a tensor through shared memory; an array goes through a pipe, which is slower.

    Containers often have 64 MB of shared memory, and a process that writes more is killed.

    Args:
        size: The number of bytes.
    """
    about = get_worker_info()
    processes = about.num_workers if about is not None else 1
    try:
        return shutil.disk_usage(SHARED_MEMORY).free > 2 * AHEAD * processes * size
    except OSError:
        return False


def _by_processes(images: Decodable, batches: Sequence[Tensor], workers: int) -> Iterator[Tensor]:
    cut = [[chunk.tolist() for chunk in batch.split(CHUNK)] for batch in batches]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of more processes than cores, which the user asked for
        loader: DataLoader[Any] = DataLoader(
            _Chunks(images),
            batch_size=None,
            sampler=[chunk for chunks in cut for chunk in chunks],
            num_workers=workers,
            prefetch_factor=AHEAD,
            multiprocessing_context="fork",
            collate_fn=_unchanged,
            generator=torch.Generator(),  # the global one would be advanced by one number
        )
    decoded = iter(loader)
    try:
        for chunks, batch in zip(cut, batches, strict=True):
            parts = [next(decoded) for _ in chunks]
            refuse_broken([error for part in parts if isinstance(part, list) for error in part], len(batch))
            tensors = [part if isinstance(part, Tensor) else torch.from_numpy(part) for part in parts]
            yield tensors[0] if len(tensors) == 1 else torch.cat(tensors)
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise StorageError(
            "a process that decodes images was killed; if the machine ran out of memory, use fewer with --workers"
        ) from error


def _unchanged(chunk: Any) -> Any:
    """Keep arrays: a tensor would be made of them, which goes through shared memory."""
    return chunk
