"""Blur: defocus, glass, motion and zoom blur, and Gaussian blur, which is an extra one of the benchmark."""

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from robustkd.data.corruptions.operators import along_a_line, blurred, zoomed
from robustkd.data.image_random import Generators


def gaussian_blur(pixels: Tensor, sigma: float, generators: Generators) -> Tensor:
    """Convolve with a Gaussian."""
    return blurred(pixels, sigma)


def defocus_blur(pixels: Tensor, constants: tuple[float, float], generators: Generators) -> Tensor:
    """Convolve with a disk with softened edges, as a lens out of focus does."""
    kernel = _soft_disk(*constants)
    reach = len(kernel) // 2
    weight = torch.from_numpy(kernel.astype(np.float32)).to(pixels.device)
    channels = pixels.shape[1]
    padded = F.pad(pixels, (reach,) * 4, mode="reflect")
    return F.conv2d(padded, weight.expand(channels, 1, *kernel.shape), groups=channels)


def _soft_disk(radius: float, alias: float) -> np.ndarray:
    """A disk whose edge is blurred by a small Gaussian of standard deviation `alias`, float64 (S, S)."""
    half, softened = (8, 1) if radius <= 8 else (int(radius), 2)
    place = np.arange(-half, half + 1)
    disk = (place[:, None] ** 2 + place[None] ** 2 <= radius**2).astype(np.float64)
    soften = np.exp(-(np.arange(-softened, softened + 1) ** 2) / (2 * alias**2))
    # the square that holds the disk has no more pixels than this, and is mirrored beyond them, as in the original
    kernel = ndimage.convolve(disk / disk.sum(), np.outer(soften, soften) / soften.sum() ** 2, mode="mirror")
    empty = half - int(np.abs(place[kernel.any(axis=0)]).max())
    return np.asarray(kernel[empty : len(kernel) - empty, empty : len(kernel) - empty])


def glass_blur(pixels: Tensor, constants: tuple[float, int, int], generators: Generators) -> Tensor:
    """Blur, replace each pixel in turn by a random neighbour, and blur again."""
    sigma, reach, rounds = constants
    seen = (blurred(pixels, sigma) * 255 + 1e-4).floor() / 255
    height, width = pixels.shape[-2:]
    size = (rounds, len(_turns(height, reach)), len(_turns(width, reach)), 2)
    moves = np.stack([generator.integers(-reach, reach, size) for generator in generators])
    for turn in range(rounds):
        taken = _replaced(moves[:, turn], height, width, reach).to(pixels.device)
        seen = seen.flatten(2).gather(2, taken[:, None].expand(-1, seen.shape[1], -1)).view_as(seen)
    return blurred(seen, sigma)


def _turns(side: int, reach: int) -> range:
    """The rows or columns whose pixels are replaced, in order."""
    return range(side - reach, reach, -1)


def _replaced(moves: np.ndarray, height: int, width: int, reach: int) -> Tensor:
    """Find out which pixel each pixel holds after all were replaced in turn, from the lower right to the upper left.

    A neighbour that had its turn before holds a copy itself, whose origin is found by following such neighbours; each
    round of jumps doubles the number of copies that are followed.

    Args:
        moves: The steps to the neighbours, int64 (B, H′, W′, 2), across before down, in the order of the turns.
        height: The height of the images.
        width: The width.
        reach: The largest step.

    Returns:
        The place of the pixel, in the flattened image before, int64 (B, H·W).
    """
    down, across = (np.array(_turns(side, reach)) for side in (height, width))
    own = (down[:, None] * width + across).ravel()
    to_down, to_across = down[:, None] + moves[..., 1], across + moves[..., 0]
    neighbour = (to_down * width + to_across).reshape(len(moves), -1)
    in_turn = np.zeros((height, width), dtype=np.bool_)
    in_turn[np.ix_(down, across)] = True
    before = (neighbour > own) & in_turn.ravel()[neighbour]
    taken = np.broadcast_to(np.arange(height * width), (len(moves), height * width)).copy()
    follow = taken.copy()
    taken[:, own], follow[:, own] = neighbour, np.where(before, neighbour, own)
    while True:
        further = np.take_along_axis(follow, follow, axis=1)
        if np.array_equal(further, follow):
            return torch.from_numpy(np.take_along_axis(taken, follow, axis=1))
        follow = further


def motion_blur(pixels: Tensor, constants: tuple[int, float], generators: Generators) -> Tensor:
    """Blur along a line of random angle."""
    return along_a_line(pixels, *constants, np.array([generator.uniform(-45, 45) for generator in generators]))


def zoom_blur(pixels: Tensor, constants: tuple[float, float], generators: Generators) -> Tensor:
    """Average the image and its zooms into the centre."""
    end, step = constants
    factors = np.arange(1, end, step)
    total = pixels.clone()
    for factor in factors:
        total += zoomed(pixels, float(factor))
    return total / (len(factors) + 1)
