"""What each evaluation costs: its share of the time, and the memory that it adds.

    python experiments/benchmarks/inheritance.py --data cifar10 --data-root DIR --images 5000 --members 3

The networks are those of the quickstart (a ResNet-14 as the teacher, ResNet-8 for the others), trained for one epoch on
2,000 images, which decides nothing about the cost. Each evaluation runs with its default options in a process of its
own, on two threads, after the predictions that all of them share; `transferability` alone, whose default is the paper's
protocol on all images, has the options of the suite `quick`. `memory` says what the memory of a process is. Its base is
that of the process with data and networks loaded.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from memory import memory_now, watched

TRAINED_ON = 2000


def main() -> None:
    """Train the networks, run each evaluation, and print a table."""
    settings = _arguments()
    if settings.evaluation:
        print(json.dumps(_measured(settings)))
        return
    with tempfile.TemporaryDirectory() as folder:
        settings.folder = settings.folder or Path(folder)
        _train(settings)
        names = settings.evaluations.split(",") if settings.evaluations else _all()
        found = {name: _run(name, settings) for name in ("predictions", *names)}
    _report(found, settings)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="cifar10")
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--members", type=int, default=3, help="teacher, baseline and students")
    parser.add_argument("--evaluations", default="", help="their names, separated by commas; all if not given")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where networks and predictions are kept; else a temporary folder")
    parser.add_argument("--evaluation", help=argparse.SUPPRESS)
    return parser.parse_args()


def _all() -> list[str]:
    from robustkd.declarations import declared

    return list(declared("evaluation"))


def _names(settings: argparse.Namespace) -> list[str]:
    return ["teacher", "baseline", *(f"student{index}" for index in range(settings.members - 2))]


def _train(settings: argparse.Namespace) -> None:
    import robustkd as rk
    from robustkd.data import Dataset

    data = rk.load_dataset(settings.data, settings.data_root)
    train = data.training
    few = Dataset(data.name, train.subset(train.sample_indices(TRAINED_ON)), data.test, data.augmentation)
    recipe = rk.Recipe(epochs=1, milestones=())
    for seed, name in enumerate(_names(settings)):
        file = settings.folder / f"{name}.safetensors"
        if not file.is_file():
            architecture = "cifar_resnet14" if name == "teacher" else "cifar_resnet8"
            model = rk.create_model(architecture, num_classes=data.num_classes, in_chans=data.test.shape[0], seed=seed)
            rk.save_model(rk.train("baseline", model, few, recipe=recipe, seed=seed, device="cpu").model, file)


def _run(name: str, settings: argparse.Namespace) -> dict[str, Any]:
    """Run an evaluation in a process of its own."""
    given = [f"--{key}={getattr(settings, key)}" for key in ("data", "images", "members", "threads", "folder")]
    given += [f"--data-root={settings.data_root}"] if settings.data_root else []
    command = [sys.executable, __file__, f"--evaluation={name}", *given]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    last = done.stdout.splitlines()[-1:]
    return json.loads(last[0]) if done.returncode == 0 and last else {"error": "failed"}


def _measured(settings: argparse.Namespace) -> dict[str, Any]:
    from dataclasses import replace

    import torch

    import robustkd as rk
    from robustkd.errors import RobustKDError
    from robustkd.results.predictions import PredictionCache

    torch.set_num_threads(settings.threads)
    data = rk.load_dataset(settings.data, settings.data_root)
    data = replace(data, test=data.test.subset(data.test.sample_indices(settings.images)))
    teacher, baseline, *students = (rk.load_model(settings.folder / f"{name}.safetensors") for name in _names(settings))
    pool = rk.ModelPool(teacher, baseline, {f"s{index}": student for index, student in enumerate(students)})
    cache = PredictionCache(data, "cpu", settings.folder)
    for member in pool:
        member.model(data.test.pixels(0, 2))
    base, start = memory_now(), time.perf_counter()
    with watched() as peak:
        if settings.evaluation == "predictions":
            for member in pool:
                cache(member)
        else:
            evaluation = _evaluation(settings.evaluation)
            try:
                evaluation.headline(evaluation.summarise(evaluation.measure(pool, data, cache)))
            except RobustKDError as error:
                return {"error": str(error)}
    return {"seconds": time.perf_counter() - start, "added": peak.mebibytes - base, "base": base}


def _evaluation(name: str) -> Any:
    from robustkd.evaluations import EVALUATIONS
    from robustkd.studies import SUITES
    from robustkd.studies.validation import evaluation_options

    options = SUITES["quick"][name] if name == "transferability" else {}
    return EVALUATIONS[name](evaluation_options({name: options})[name])


def _report(found: dict[str, dict[str, Any]], settings: argparse.Namespace) -> None:
    measured = {name: each for name, each in found.items() if "seconds" in each}
    total = sum(each["seconds"] for each in measured.values())
    print(
        f"{settings.members} members, {settings.images:,} images of {settings.data}, {settings.threads} threads: "
        f"{total:.0f} s in all; data and networks: {max(each['base'] for each in measured.values()):,} MiB\n\n"
        "| evaluation | share of the time | memory added, MiB |\n|---|--:|--:|"
    )
    for name, each in measured.items():
        print(f"| `{name}` | {100 * each['seconds'] / total:.1f} % | {each['added']:,} |")
    for name, each in found.items():
        if "error" in each:
            print(f"\nNot measured: {name} ({each['error']})")


if __name__ == "__main__":
    main()
