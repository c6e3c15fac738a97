from collections import Counter
from pathlib import Path

import torch

from robustkd.data import Dataset, ImageSet
from robustkd.data.conditions.label_noise import LabelNoise
from robustkd.evaluations import EVALUATIONS
from robustkd.models import Member, ModelPool
from robustkd.results.predictions import PredictionCache
from robustkd.studies.measuring import measure

from ..conftest import network

FROM_PREDICTIONS = ("generalization", "fidelity", "calibration", "minority", "label_noise")


def test_each_network_sees_each_image_once_regardless_of_the_number_of_evaluations(tmp_path: Path) -> None:
    noise = LabelNoise(rate=0.4)
    train, test = (images_of(count) for count in (60, 40))
    data = Dataset("small", train, test, condition=noise)
    roles = [("teacher", "teacher"), ("baseline", "baseline"), ("student", "at")]
    members = [Member(network(seed), role, name, None, noise.label) for seed, (role, name) in enumerate(roles)]
    pool = ModelPool(members=members)
    seen: Counter[str] = Counter()
    for member in pool:
        name = member.name
        member.model.register_forward_hook(lambda _, inputs, __, name=name: seen.update({name: len(inputs[0])}))

    for cache in (PredictionCache(data, folder=tmp_path / "predictions") for _ in range(2)):  # a second run too
        for name in FROM_PREDICTIONS:
            measure(EVALUATIONS[name](), pool, data, cache, tmp_path)
        assert seen == {member.name: len(train) + len(test) for member in pool}


def test_attacks_and_corruptions_predict_no_clean_image_again(tmp_path: Path) -> None:
    data = Dataset("small", None, images_of(20))
    pool = ModelPool(network(0), network(1), {"at": network(2)})
    cache = PredictionCache(data)
    for member in pool:
        cache(member)
    clean = {image.numpy().tobytes() for image in data.test.pixels(0, 20)}
    again: list[str] = []
    for member in pool:
        name = member.name

        def look(_: object, inputs: tuple[torch.Tensor], __: object, name: str = name) -> None:
            if not inputs[0].requires_grad and {image.numpy().tobytes() for image in inputs[0].detach()} == clean:
                again.append(name)

        member.model.register_forward_hook(look)

    options = EVALUATIONS["transferability"].Options(steps=1, white_box=(), batch_size=20)
    measure(EVALUATIONS["transferability"](options), pool, data, cache, tmp_path)
    corruption = EVALUATIONS["corruption"].Options(corruptions=("contrast",), severities=(1,))
    measure(EVALUATIONS["corruption"](corruption), pool, data, cache, tmp_path)

    assert again == []


def images_of(count: int) -> ImageSet:
    pixels = torch.randint(0, 256, (count, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(count))
    return ImageSet(pixels, torch.arange(count) % 3, tuple("abc"))
