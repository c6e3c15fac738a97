from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from robustkd.data import Batch, Dataset
from robustkd.distillation import METHODS, Recipe, inapplicable, train, train_student
from robustkd.distillation.linear_head import last_map
from robustkd.errors import ModelError
from robustkd.models import PixelModel, create_model, load_model, save_model

Networks = Callable[[str, str], tuple[PixelModel, PixelModel]]


def test_the_projected_map_is_compared_and_classified_as_the_teacher_would(networks: Networks, batch: Batch) -> None:
    student, teacher = networks("cifar_wrn_10_1", "cifar_wrn_10_2")
    method = METHODS["simkd"](student, teacher, feature_weight=3.0).eval()

    supervision = method(batch)

    maps = []
    for model in (student, teacher):  # the last block, normalised and rectified
        raw = model.eval().outputs(batch.pixels).blocks[3].detach().double().numpy()
        maps.append(np.maximum(raw / np.sqrt(1 + 1e-5), 0))
    features = torch.from_numpy(maps[0])
    for layer in method.student.module.projector.double():
        features = layer(features)
    assert supervision.losses.keys() == {"features"}
    assert supervision.losses["features"].item() == pytest.approx(
        3 * np.square(features.detach().numpy() - maps[1]).mean(), rel=1e-4
    )
    weight, bias = (each.detach().double().numpy() for each in teacher.module.fc.parameters())
    logits = features.detach().numpy().mean((2, 3)) @ weight.T + bias
    np.testing.assert_allclose(supervision.logits.detach(), logits, rtol=1e-3, atol=1e-5)


def test_aligned_features_give_exactly_the_teachers_answers(networks: Networks, batch: Batch) -> None:
    student, teacher = networks("cifar_wrn_10_1", "cifar_wrn_10_2")
    method = METHODS["simkd"](student, teacher).eval()
    wanted = last_map(teacher, batch.pixels)

    torch.testing.assert_close(method.export().module.forward_head(wanted), teacher(batch.pixels))


def test_the_student_and_the_projector_are_trained_and_the_classifier_stays(digits: Dataset) -> None:
    student, teacher = (
        create_model(name, num_classes=10, in_chans=1, seed=seed)
        for seed, name in enumerate(("cifar_wrn_10_1", "cifar_wrn_10_2"))
    )
    method = METHODS["simkd"](student, teacher)
    before = {name: value.clone() for name, value in method.export().module.named_parameters()}

    train(method, digits, Recipe(epochs=1, batch_size=35, learning_rate=0.05), seed=0)

    network = method.export().module
    still = {name for name, value in network.named_parameters() if torch.equal(value, before[name])}
    assert still == {"fc.weight", "fc.bias"}
    assert torch.equal(network.fc.weight, teacher.module.fc.weight)


def test_the_trunk_begins_as_the_student_which_does_not_change(networks: Networks, batch: Batch) -> None:
    student, teacher = networks("cifar_resnet8", "cifar_resnet14")
    before = student.digest()

    method = METHODS["simkd"](student, teacher).eval()

    trunk = method.export().module.trunk
    assert student.digest() == before
    torch.testing.assert_close(trunk.forward_features(batch.pixels), student.eval().outputs(batch.pixels).blocks[3])


def test_what_is_exported_has_the_projector_and_the_classifier(networks: Networks) -> None:
    exported = METHODS["simkd"](*networks("cifar_resnet8", "cifar_wrn_10_2")).export()

    # ResNet-8 has 78,042 parameters, 650 of them in its classifier; the teacher's last map has 128 channels
    projector = 64 * 64 + 2 * 64 + 64 * 64 * 9 + 2 * 64 + 64 * 128 + 2 * 128
    assert exported.architecture == "reused_classifier"
    assert exported.num_parameters == 78_042 - 650 + projector + 128 * 10 + 10


def test_its_checkpoint_describes_itself(digits: Dataset, tmp_path: Path) -> None:
    student = create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, mean=[0.5], std=[0.25], seed=0)
    teacher = create_model("cifar_resnet8", num_classes=10, in_chans=1, options={"shortcut": "zero_pad"}, seed=1)

    trained = train_student("simkd", student, digits, teacher=teacher, recipe=Recipe(epochs=1), device="cpu").model
    save_model(trained, tmp_path / "student.safetensors")
    loaded = load_model(tmp_path / "student.safetensors")

    pixels = digits.test.pixels(0, 50)
    assert loaded.digest() == trained.digest()
    assert torch.equal(loaded(pixels), trained(pixels))
    assert loaded.block_channels == student.block_channels
    assert loaded.outputs(pixels).pooled.shape == (50, 64)


def test_a_larger_map_of_the_student_is_compared_by_its_mean_which_is_what_the_classifier_sees(
    networks: Networks,
) -> None:
    student, teacher = networks("cifar_wrn_10_1", "resnet18")  # maps of 8×8 and 1×1 for images of 32×32
    method = METHODS["simkd"](student, teacher).eval()
    batch = Batch(torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)), torch.arange(2))

    loss = method(batch).losses["features"]

    pooled = [model.outputs(batch.pixels).pooled.detach().double().numpy() for model in (method.student, teacher)]
    assert loss.item() == pytest.approx(np.square(pooled[0] - pooled[1]).mean(), rel=1e-4)


def test_it_says_where_it_does_not_apply() -> None:
    def reason(student: str, teacher: str) -> str:
        return inapplicable({"simkd": {}}, student, teacher, shape=(3, 32, 32), num_classes=10)["simkd"]

    assert reason("cifar_resnet8", "cifar_resnet8_ruffy2019") == (
        "simkd reuses a linear classifier of the average-pooled last map, and cifar_resnet8_ruffy2019 has none: use "
        "another teacher or method"
    )
    assert reason("mobilenetv3_small_050", "cifar_resnet8").startswith(
        "simkd projects the last feature map of the student, and mobilenetv3_small_050 has no such map, or more than a"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trunk": "hf-hub:some/network"}, "unknown trunk 'hf-hub:some/network'"),
        ({"trunk": "no_such_network"}, "unknown trunk 'no_such_network'"),
        ({"trunk_options": {"checkpoint_path": "file.pth"}}, "the option 'checkpoint_path' cannot be given here"),
    ],
)
def test_a_header_cannot_make_the_trunk_read_other_files(options: dict[str, object], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        create_model("reused_classifier", num_classes=10, options=options)
