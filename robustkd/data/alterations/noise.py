"""Images of noise, which show nothing."""

from __future__ import annotations

from torch import Tensor

from robustkd.data.alterations.alteration import Alteration, drawn, generators_of, to_bytes


def uniform_noise(seed: int) -> Alteration:
    """Replace every value by one drawn uniformly from 0 to 1."""

    def transform(images: Tensor, indices: Tensor) -> Tensor:
        generators = generators_of("uniform noise", seed, indices)
        return to_bytes(drawn(generators, lambda each: each.random(images.shape[1:]), images))

    return Alteration("uniform noise", transform, {"seed": seed})


def gaussian_noise(seed: int) -> Alteration:
    """Replace every value by one drawn from a normal distribution of mean 1/2 and standard deviation 1/4, clipped."""

    def transform(images: Tensor, indices: Tensor) -> Tensor:
        generators = generators_of("Gaussian noise", seed, indices)
        return to_bytes(drawn(generators, lambda each: each.normal(0.5, 0.25, images.shape[1:]), images))

    return Alteration("Gaussian noise", transform, {"seed": seed})
