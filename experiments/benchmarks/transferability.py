"""Compare the time of the transfer matrix with that of a plain loop, and check that both give the same matrix.

    python experiments/benchmarks/transferability.py --images 64

Both variants use the same networks, images and random starts:

* robustkd attacks each source once on prepared networks and shows every target the same examples (`attack_all`, with
  everything that the evaluation measures on the way: the teacher as a target, 8-bit examples, zero gradients);
* the plain loop selects, for each ordered pair, the images that both classify correctly, runs torchattacks' PGD on the
  source, and shows the examples to the target.

robustkd runs before and after the plain loop, and the mean of both times counts. On a CPU, processor time is measured,
so that other load on the machine slows both alike. The ratio depends on how many images two networks both classify
correctly, because the plain loop attacks no others; this share is printed. The networks, each with its own seed,
therefore first learn the images until they classify nine in ten correctly, about as many as networks trained on a whole
data set do on new images. The images are CIFAR-10's if ROBUSTKD_DATA has them, and random otherwise. Networks that have
learnt so little share few weaknesses, so ε is larger than the published one; the time does not depend on it.

``--memory`` prints the peak memory with 3 sources and with all of them, each in its own process. For all of Figure 1,

    python experiments/benchmarks/transferability.py --device cuda --figure

attacks WRN-40-2 and ten WRN-16-2 with PGD-20 on 10,000 images, without the plain loop. It prints the time, how it
divides into attacks, decisions and the rest, and its ratio to the time of the attacks' arithmetic alone: the forward
and backward passes of PGD, on a batch that stays on the device. ``--networks`` takes trained networks.
"""

import argparse
import copy
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
import torchattacks

from robustkd.attacks import source as attack_source
from robustkd.attacks.batch_size import fitting_batch_size
from robustkd.attacks.counting import jointly_correct
from robustkd.attacks.crafting import crafting_network, crafting_precision
from robustkd.attacks.layout import channels_last
from robustkd.attacks.source import FEW
from robustkd.data import ImageSet, load_dataset
from robustkd.data.image_random import DrawnImageByImage, image_generators
from robustkd.devices import resolve_device
from robustkd.errors import RobustKDError
from robustkd.evaluations.transferability import measurement as transfer_measurement
from robustkd.evaluations.transferability.matrix import pair_of
from robustkd.evaluations.transferability.measurement import attack_all
from robustkd.evaluations.transferability.options import TransferabilityOptions, main_attack
from robustkd.evaluations.transferability.plan import FOLLOWED, Plan, spread_over
from robustkd.models import Member, ModelPool, PixelModel, create_model, load_model
from robustkd.results.predictions import predict

CLASSES = 10
RIGHT = 0.92
"""The share of the images that networks learn to classify correctly."""


def main() -> None:
    """Measure and print."""
    settings = _arguments()
    if settings.threads:
        torch.set_num_threads(settings.threads)
    if settings.memory:
        memory(settings)
        return
    device = resolve_device(settings.device)
    size = {"epsilon": settings.epsilon, "step_size": settings.epsilon * 3 / 31}  # as published, 0.003 for 0.031
    options = TransferabilityOptions(steps=settings.steps, batch_size=settings.batch_size, **size)
    pool, images = contest(settings, device)
    members = list(pool)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
    source = "CIFAR-10" if _has_cifar10() else "random pixels"
    print(
        f"{len(pool)} sources, teacher {members[0].model.architecture}, {len(pool) - 1} targets "
        f"{members[1].model.architecture}, {len(images)} "
        f"images of {source}, PGD-{settings.steps} at ε = {settings.epsilon:g}, "
        f"batch {settings.batch_size or 'chosen by memory'}, {name}, "
        f"{torch.get_num_threads()} threads, torch {torch.__version__}"
    )
    if settings.figure:
        figure(pool, images, options, device)
    elif settings.alone:
        robustkd_matrix(list(pool), images, clean_of(pool, images, device), options)
        print(f"peak memory {_peak():.0f} MiB")
    else:
        compete(pool, images, options, device)


def compete(pool: ModelPool, images: ImageSet, options: TransferabilityOptions, device: torch.device) -> None:
    """Run both variants, and print the ratio of their times and the number of cells in which the matrices differ.

    Args:
        pool: The teacher first, then the targets.
        images: The images to attack.
        options: The options of the attack.
        device: The device to run on.
    """
    members = list(pool)
    clean = clean_of(pool, images, device)
    plain = copy.deepcopy(members)  # the plain loop gets networks that are not prepared
    seconds: dict[str, float] = defaultdict(float)
    with clock(seconds, "first", device):
        arrays = robustkd_matrix(members, images, clean, options)
    cells = []
    for source, target in ((source, target) for source in range(len(plain)) for target in range(1, len(plain))):
        generators = image_generators(options.seed, range(len(images)))
        with clock(seconds, "plain", device):
            rate = plain_cell(plain[source].model, plain[target].model, images, generators, options, device)
        cells.append((jointly_correct(pair_of(arrays, source, target)).rate, rate))
    with clock(seconds, "second", device):
        robustkd_matrix(members, images, clean, options)
    own = (seconds["first"] + seconds["second"]) / 2
    right = clean == images.labels.cpu().numpy()
    both = np.mean([(one & other).mean() for one in right for other in right[1:]])
    rates = np.array(cells)
    apart = np.abs(rates[:, 0] - rates[:, 1])
    low, middle, high = 100 * np.nanquantile(rates[:, 1], [0, 0.5, 1])
    classes = len(images.labels.unique())
    print(f"{classes} classes; {right.mean():.1%} of the images are classified correctly, {both:.1%} by both of a pair")
    print(f"transfer success from {low:.0f}% to {high:.0f}%, median {middle:.0f}%")
    print(f"{int((apart > 1e-9).sum())} of {len(cells)} cells differ, by at most {100 * np.nanmax(apart):.2f} points")
    print(f"robustkd {own:.1f} s, plain loop {seconds['plain']:.1f} s, {seconds['plain'] / own:.1f} times as long")


def plain_cell(
    source: torch.nn.Module,
    target: torch.nn.Module,
    images: ImageSet,
    generators: list[np.random.Generator],
    options: TransferabilityOptions,
    device: torch.device,
) -> float:
    """Measure one pair as one would by hand, except for the random starts, which are those of robustkd."""
    fooled = eligible = 0
    for start in range(0, len(images), options.batch_size):
        pixels = images.pixels(start, start + options.batch_size, device)
        labels = images.labels[start : start + options.batch_size].to(device)
        with torch.no_grad():
            both = (source(pixels).argmax(1) == labels) & (target(pixels).argmax(1) == labels)
        if not both.any():
            continue
        chosen = [generators[start + place] for place in both.nonzero()[:, 0].tolist()]
        attack = torchattacks.PGD(source, options.epsilon, options.step_size, options.steps, options.random_start)
        with DrawnImageByImage(chosen):
            examples = attack(pixels[both], labels[both])
        with torch.no_grad():
            fooled += int((target(examples).argmax(1) != labels[both]).sum())
        eligible += int(both.sum())
    return fooled / eligible if eligible else float("nan")


def robustkd_matrix(
    members: list[Member], images: ImageSet, clean: np.ndarray, options: TransferabilityOptions
) -> dict[str, np.ndarray]:
    """Measure the matrix as the evaluation does, without the further attacks, which the plain loop does not run."""
    device = members[0].model.mean.device
    nothing = np.zeros(len(images), dtype=np.bool_)
    plan = Plan(
        attack=main_attack(options),
        own=(),
        from_teacher=None,
        sampled=None,
        sample=nothing,
        followed=spread_over(len(images), FOLLOWED),
        sweep=(),
        precision=crafting_precision(options.precision, device),
        batch_size=options.batch_size or fitting_batch_size([member.model for member in members], images.shape, device),
        seed=options.seed,
        folder=None,
    )
    arrays, checks = attack_all(members, images, np.arange(len(images)), clean, plan, lambda count: None)
    for check in checks:
        if not check.passed:
            print(f"check failed: {check.name}, {check.member}: {check.detail}")
    return arrays | {"clean": clean, "label": images.labels.cpu().numpy()}


def figure(pool: ModelPool, images: ImageSet, options: TransferabilityOptions, device: torch.device) -> None:
    """Print how long all of Figure 1 takes, and how the time divides.

    Args:
        pool: The teacher first, then the targets.
        images: The images to attack.
        options: The options of the attack.
        device: The device to run on.
    """
    seconds: dict[str, float] = defaultdict(float)
    parts = {
        (attack_source, "craft"): "attacks",
        (transfer_measurement, "classes_of"): "decisions",
        (transfer_measurement, "zero_gradients"): "gradients that vanish",
    }
    originals = {place: getattr(*place) for place in parts}

    def timed(place: tuple[ModuleType, str]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            with clock(seconds, parts[place], device):
                return originals[place](*arguments)

        return call

    clean = clean_of(pool, images, device)
    for members in (list(pool)[:2], list(pool)):  # the first time is for warming up
        seconds.clear()
        for place in parts:
            setattr(*place, timed(place))
        try:
            with clock(seconds, "all", device):
                robustkd_matrix(members, images, clean[: len(members)], options)
        finally:
            for place, original in originals.items():
                setattr(*place, original)
    whole = seconds.pop("all")
    arithmetic = sum(_arithmetic(member.model, images, options, device) for member in pool)
    rest = whole - sum(seconds.values())
    divided = ", ".join(f"{name} {each:.1f} s ({each / whole:.0%})" for name, each in seconds.items())
    print(f"{whole:.1f} s in total: {divided}, the rest {rest:.1f} s ({rest / whole:.0%})")
    print(f"the attacks' arithmetic alone takes {arithmetic:.1f} s, the whole {whole / arithmetic:.2f} times as long")


def _arithmetic(
    model: PixelModel, images: ImageSet, options: TransferabilityOptions, device: torch.device, tried: int = 5
) -> float:
    """The seconds of the forward and backward passes of an attack on all images."""
    few = images.pixels(0, FEW, device)
    with channels_last([model]):
        network = crafting_network(model, crafting_precision(options.precision, device), few)
    size = min(options.batch_size or fitting_batch_size([model], images.shape, device), len(images))
    pixels = images.pixels(0, size, device).requires_grad_()
    labels = images.labels[:size].to(device)
    seconds: dict[str, float] = defaultdict(float)
    for name in ("warm", "measured"):
        with clock(seconds, name, device):
            for _ in range(tried):
                torch.autograd.grad(torch.nn.functional.cross_entropy(network(pixels), labels), pixels)
    return seconds["measured"] / tried * options.steps * len(images) / size


def memory(settings: argparse.Namespace) -> None:
    """Print the peak memory with a few and with all sources: it should not grow with their number."""
    for sources in (3, settings.sources):
        command = [sys.executable, __file__, "--alone", "--sources", str(sources), "--images", str(settings.images)]
        command += [
            "--steps",
            "2",
            "--network",
            settings.network,
            "--teacher",
            settings.network,
            "--device",
            settings.device,
        ]
        command += ["--batch-size", str(settings.batch_size), "--threads", str(settings.threads or 1)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        print(f"{sources} sources: {done.stdout.splitlines()[-1]}")


def contest(settings: argparse.Namespace, device: torch.device) -> tuple[ModelPool, ImageSet]:
    """Make networks, each with its own seed, and images; where rates are compared, the networks have learnt them."""
    images = _images(settings.images).to(device)
    members = []
    if settings.networks:
        for number, path in enumerate(settings.networks):
            model = load_model(path).to(device).eval()
            members.append(Member(model, ("teacher", "baseline", "student")[min(number, 2)], f"net{number}"))
        return ModelPool(members=members), images
    for seed in range(settings.sources):
        network = settings.network if seed else settings.teacher
        model = create_model(network, num_classes=CLASSES, seed=seed).to(device)
        if not (settings.figure or settings.alone):
            learn(model, images, settings.batch_size, device)
        members.append(Member(model, ("teacher", "baseline", "student")[min(seed, 2)], f"net{seed}"))
    return ModelPool(members=members), images


def learn(model: torch.nn.Module, images: ImageSet, batch_size: int, device: torch.device) -> None:
    """Train a network on the images until it is right on `RIGHT` of them, or for 200 epochs.

    Args:
        model: The network, in evaluation mode before and after.
        images: The images and their labels.
        batch_size: The number of images per step.
        device: The device of both.
    """
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)
    for _ in range(200):
        model.train()
        for start in range(0, len(images), batch_size):
            labels = images.labels[start : start + batch_size]
            optimizer.zero_grad()
            logits = model(images.pixels(start, start + batch_size, device))
            torch.nn.functional.cross_entropy(logits, labels).backward()
            optimizer.step()
        model.eval()
        if (predict(model, images, device).predicted == images.labels.cpu().numpy()).mean() >= RIGHT:
            break


def clean_of(pool: ModelPool, images: ImageSet, device: torch.device) -> np.ndarray:
    """The classes that each member predicts for the clean images, int16 (M, N)."""
    return np.stack([predict(member.model, images, device).predicted for member in pool]).astype(np.int16)


def _images(count: int) -> ImageSet:
    if _has_cifar10():
        test = load_dataset("cifar10").test
        return test.subset(test.sample_indices(count))
    pixels = torch.randint(256, (count, 3, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    return ImageSet(pixels, torch.arange(count) % CLASSES, tuple(map(str, range(CLASSES))))


def _has_cifar10() -> bool:
    try:
        load_dataset("cifar10")
    except RobustKDError:
        return False
    return True


@contextmanager
def clock(seconds: dict[str, float], name: str, device: torch.device) -> Iterator[None]:
    """Add the time that passes to the seconds of a name; on a CPU, the time of this process, not of the machine."""
    now = time.process_time if device.type == "cpu" else time.perf_counter
    _wait(device)
    start = now()
    yield
    _wait(device)
    seconds[name] += now() - start


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _peak() -> float:
    """The peak memory of this process, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--network", help="network of the targets; cifar_wrn_10_1, or cifar_wrn_16_2 with --figure")
    parser.add_argument("--teacher", help="network of the teacher; cifar_wrn_10_1, or cifar_wrn_40_2 with --figure")
    parser.add_argument("--networks", type=Path, nargs="+", help="checkpoints of trained networks, the teacher first")
    parser.add_argument("--sources", type=int, default=11, help="number of sources, including the teacher")
    parser.add_argument("--images", type=int, help="number of images; 64, or 10,000 with --figure")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch-size", type=int, help="number of images per batch; 64, or by memory with --figure")
    parser.add_argument("--epsilon", type=float, help="0.1, or 0.031 with --figure; the time does not depend on it")
    parser.add_argument("--threads", type=int, help="threads of torch; its own choice by default")
    parser.add_argument("--memory", action="store_true", help="print the peak memory instead of the time")
    parser.add_argument("--figure", action="store_true", help="measure all of Figure 1, without the plain loop")
    parser.add_argument("--alone", action="store_true", help="run robustkd alone, and print its peak memory")
    settings = parser.parse_args()
    small = ("cifar_wrn_10_1", "cifar_wrn_10_1", 64, 64, 0.1)
    chosen = ("cifar_wrn_16_2", "cifar_wrn_40_2", 10_000, None, 0.031) if settings.figure else small
    for name, value in zip(("network", "teacher", "images", "batch_size", "epsilon"), chosen, strict=True):
        if getattr(settings, name) is None:
            setattr(settings, name, value)
    return settings


if __name__ == "__main__":
    main()
