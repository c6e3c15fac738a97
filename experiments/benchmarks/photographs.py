"""Compare the evaluation of a folder of JPEGs with a plain torchvision loop: images a second, and peak memory.

    python experiments/benchmarks/photographs.py --images 5000 --workers 2

The folder is written first, unless it is there. Then two programs run alternately, each in a process of its own, with
the same network, batch size, threads and number of worker processes:

* plain: `ImageFolder`, `DataLoader`, and the network;
* robustkd: `load_dataset`, and the pass over the images that all evaluations share.

Both give the same classes, which is checked. A ratio is the median of the ratios within a round, so that other load on
the machine slows both programs; that of the processor time, summed over all processes, depends on it less. A third
program evaluates several networks as `robustkd evaluate` does. `memory` says what the memory of a program is.
"""

import argparse
import hashlib
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from memory import watched
from PIL import Image

SIZE = 224
PHOTOGRAPH_SIDES = (300, 501)
"""The smallest side of a photograph, and the first that is too large."""


def main() -> None:
    """Write the images, run the programs, and print what they took."""
    settings = _arguments()
    if settings.program:
        print(json.dumps(_measured(settings)))
        return
    kind = "photographs" if settings.photographs else f"{SIZE}x{SIZE}"
    place = settings.folder or Path(tempfile.gettempdir()) / f"robustkd-jpegs-{kind}-{settings.images}"
    _write(place, settings)
    rounds = [{name: _run(name, place, settings) for name in ("plain", "robustkd")} for _ in range(settings.rounds)]
    whole = _run("evaluate", place, settings)
    _report(rounds, whole, kind, settings)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--photographs", action="store_true", help="images of many sizes, resized as timm does")
    parser.add_argument(
        "--folder", type=Path, help="where the images are or are written; by default a temporary folder"
    )
    parser.add_argument("--network", default="mobilenetv3_small_050")
    parser.add_argument("--networks", type=int, default=3, help="the number of networks that are evaluated")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--program", choices=("plain", "robustkd", "evaluate"), help=argparse.SUPPRESS)
    return parser.parse_args()


def _write(place: Path, settings: argparse.Namespace) -> None:
    """Write the JPEGs: waves with noise, about as large as photographs of this size."""
    todo = [index for index in range(settings.images) if not _file(place, index, settings.classes).is_file()]
    for label in range(settings.classes):
        (place / f"class {label}").mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda index: _write_one(_file(place, index, settings.classes), index, settings), todo))


def _file(place: Path, index: int, classes: int) -> Path:
    return place / f"class {index % classes}" / f"{index:06}.jpg"


def _write_one(file: Path, index: int, settings: argparse.Namespace) -> None:
    random = np.random.default_rng(index)
    sides = random.integers(*PHOTOGRAPH_SIDES, 2) if settings.photographs else (SIZE, SIZE)
    down, across = np.ogrid[: sides[0], : sides[1]]
    waves = [np.sin(down / random.uniform(5, 60) + across / random.uniform(5, 60)) for _ in range(3)]
    pixels = 128 + 90 * np.stack(waves, -1) + random.normal(0, 8, (*sides, 3))
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, quality=90)


def _run(program: str, place: Path, settings: argparse.Namespace) -> dict[str, Any]:
    """Run a program in a process of its own."""
    names = ("images", "network", "networks", "workers", "threads", "device")
    given = [text for name in names for text in (f"--{name}", str(getattr(settings, name)))]
    given += ["--photographs"] if settings.photographs else []
    command = [sys.executable, __file__, "--program", program, "--folder", str(place), *given]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _measured(settings: argparse.Namespace) -> dict[str, Any]:
    """Run a program in this process, and watch its memory."""
    import torch

    torch.set_num_threads(settings.threads)
    programs: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
        "plain": _plain,
        "robustkd": _robustkd,
        "evaluate": _evaluate,
    }
    with watched() as peak:
        found = programs[settings.program](settings)
    return found | {"mebibytes": peak.mebibytes}


def _network(settings: argparse.Namespace, seed: int = 0) -> Any:
    import robustkd as rk

    model = rk.create_model(settings.network, num_classes=settings.classes, seed=seed).eval()
    model.image_size = None
    return model.to(settings.device)


def _plain(settings: argparse.Namespace) -> dict[str, Any]:
    import torch
    from timm.data import create_transform
    from torch.utils.data import DataLoader
    from torchvision import datasets, transforms

    from robustkd.models.batch_size import images_at_once
    from robustkd.studies.photographs import network_input

    model = _network(settings)
    wanted = network_input(model)
    as_timm = create_transform(
        SIZE, crop_pct=wanted.crop_pct, interpolation=wanted.interpolation, mean=(0.0,) * 3, std=(1.0,) * 3
    )
    images = datasets.ImageFolder(str(settings.folder), as_timm if settings.photographs else transforms.ToTensor())
    batch_size = images_at_once(500, (3, SIZE, SIZE), settings.device)
    start = _clocks()
    predicted = []
    with torch.no_grad():
        for pixels, _ in DataLoader(images, batch_size=batch_size, num_workers=settings.workers):
            predicted.append(model(pixels.to(settings.device)).argmax(1).cpu())
    return _outcome(torch.cat(predicted).numpy(), start)


def _robustkd(settings: argparse.Namespace) -> dict[str, Any]:
    import robustkd as rk
    from robustkd.results.predictions import predict
    from robustkd.studies.photographs import fit_to_photographs

    start = time.perf_counter()
    data = rk.load_dataset(f"folder:{settings.folder}").with_workers(settings.workers)
    pool, data = fit_to_photographs(rk.ModelPool(baseline=_network(settings)), data)
    loading, start = time.perf_counter() - start, _clocks()
    predicted = predict(next(iter(pool)).model, data.test, settings.device).predicted
    return _outcome(predicted, start) | {"loading": loading}


def _evaluate(settings: argparse.Namespace) -> dict[str, Any]:
    import robustkd as rk

    data = rk.load_dataset(f"folder:{settings.folder}").with_workers(settings.workers)
    first, *others = (_network(settings, seed) for seed in range(settings.networks))
    pool = rk.ModelPool(baseline=first, students={f"s{index}": model for index, model in enumerate(others)})
    few = {"transferability": {"images": 20, "steps": 2, "square_images": 5, "square_queries": 5}}
    start = time.perf_counter()
    rk.evaluate(pool, data, options=few, device=settings.device)
    return {"seconds": time.perf_counter() - start}


def _clocks() -> tuple[float, float]:
    """The time, and the processor time of this process and its ended children, in seconds."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return time.perf_counter(), sum(each.ru_utime + each.ru_stime for each in used)


def _outcome(predicted: np.ndarray, start: tuple[float, float]) -> dict[str, Any]:
    seconds, processor = (now - then for now, then in zip(_clocks(), start, strict=True))
    digest = hashlib.sha256(np.ascontiguousarray(predicted, dtype=np.int64).data).hexdigest()
    return {"seconds": seconds, "processor": processor, "predicted": digest}


def _report(
    rounds: list[dict[str, dict[str, Any]]], whole: dict[str, Any], kind: str, settings: argparse.Namespace
) -> None:
    faster = statistics.median(each["plain"]["seconds"] / each["robustkd"]["seconds"] for each in rounds)
    busier = statistics.median(each["robustkd"]["processor"] / each["plain"]["processor"] for each in rounds)
    loading = statistics.median(each["robustkd"]["loading"] / each["plain"]["seconds"] for each in rounds)
    memory = {name: max(each[name]["mebibytes"] for each in rounds) for name in ("plain", "robustkd")}
    same = len({each[name]["predicted"] for each in rounds for name in each}) == 1
    several = whole["seconds"] / statistics.median(each["plain"]["seconds"] for each in rounds)
    print(
        f"{settings.images:,} JPEGs ({kind}), {settings.network} on {settings.device}, {settings.threads} thread(s), "
        f"{settings.workers} workers, median of {settings.rounds} rounds\n\n"
        "| | robustkd | plain loop |\n|---|--:|--:|\n"
        f"| images a second, relative to the plain loop | {faster:.2f} | 1 |\n"
        f"| processor time, relative to the plain loop | {busier:.2f} | 1 |\n"
        f"| loading the folder, relative to the pass of the plain loop | {loading:.2f} | |\n"
        f"| peak memory of the pass, MiB | {memory['robustkd']:,} | {memory['plain']:,} |\n"
        f"| evaluation of {settings.networks} networks: time relative to that pass | {several:.2f} | |\n"
        f"| evaluation of {settings.networks} networks: peak memory, MiB | {whole['mebibytes']:,} | |\n\n"
        f"The classes are {'the same' if same else 'NOT the same'}."
    )


if __name__ == "__main__":
    main()
