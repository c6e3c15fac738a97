"""Weather: fog and brightness. Frost and snow are not made (see `NOT_MADE`)."""

import numpy as np
import torch
from torch import Tensor

from robustkd.data.corruptions.operators import clouds
from robustkd.data.image_random import Generators


def fog(pixels: Tensor, severity: int, generators: Generators) -> Tensor:
    """Blend a fractal cloud over the image, and keep its brightest value."""
    strength, decay = ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75))[severity - 1]
    height, width = pixels.shape[-2:]
    side = 1 << (max(height, width, 32) - 1).bit_length()
    noise = np.stack([generator.uniform(-1, 1, (side, side)) for generator in generators])
    cloud = torch.from_numpy(clouds(noise, decay).astype(np.float32)).to(pixels.device)[:, None, :height, :width]
    brightest = pixels.amax(dim=(1, 2, 3), keepdim=True)
    return (pixels + strength * cloud) * brightest / (brightest + strength)


def brightness(pixels: Tensor, severity: int, generators: Generators) -> Tensor:
    """Raise the value in HSV: the largest channel, with the others in proportion."""
    value = pixels.amax(dim=1, keepdim=True)
    raised = (value + (0.05, 0.1, 0.15, 0.2, 0.3)[severity - 1]).clamp(max=1)
    return torch.where(value > 0, pixels * raised / value.clamp_min(1e-12), raised)
