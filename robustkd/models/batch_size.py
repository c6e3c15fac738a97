"""How many images a network takes at once: few enough for memory, whatever their size, and for a CPU's caches."""

CPU_PIXELS = 64 * 224 * 224
"""The pixels of a batch on a CPU: with the activations of a ResNet-50, they take about 1 GiB."""

CACHED_PIXELS = 100 * 32 * 32
"""The pixels of a batch whose maps a CPU still finds in its caches: larger batches take up to twice the time."""

ENOUGH = 16
"""The number of images from which on larger ones gain nothing by more."""

DEVICE_TIMES = 8
"""How many times as many a GPU takes, which has more memory and is faster with larger batches."""

GRADIENT_SHARE = 4
"""How many times fewer they are where activations are kept for gradients."""


def images_at_once(most: int, size: tuple[int, int, int], device: object, *, gradients: bool = False) -> int:
    """Return the number of images in a batch.

    Args:
        most: The largest number, which small images reach.
        size: (C, H, W) of every image.
        device: The device that computes.
        gradients: Whether gradients with respect to the images are computed.

    Returns:
        At least 1.
    """
    _, height, width = size
    on_cpu = str(device).startswith("cpu")
    pixels = CPU_PIXELS * (1 if on_cpu else DEVICE_TIMES)
    pixels //= GRADIENT_SHARE if gradients else 1
    fast = max(ENOUGH, CACHED_PIXELS // (height * width)) if on_cpu else most
    return max(1, min(most, fast, pixels // (height * width)))
