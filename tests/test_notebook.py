import torch

import robustkd as rk
from robustkd.data import Dataset, ImageSet


def test_a_data_set_shows_the_images_of_each_class_and_escapes_their_names() -> None:
    images = ImageSet(torch.zeros(3, 1, 2, 2, dtype=torch.uint8), torch.tensor([0, 1, 1]), ("<b>", "dog"))

    shown = Dataset("mine", images, images)._repr_html_()

    assert "<td>&lt;b&gt;</td><td>1</td><td>1</td>" in shown
    assert "<td>dog</td><td>2</td><td>2</td>" in shown
    assert "<td>all</td><td>3</td><td>3</td>" in shown


def test_a_pool_shows_its_members() -> None:
    teacher, student = (rk.create_model("cifar_wrn_10_1", num_classes=3, in_chans=1, seed=seed) for seed in (0, 1))

    shown = rk.ModelPool(teacher, students={"<at>": student})._repr_html_()

    assert "<td>teacher</td><td>teacher</td><td>cifar_wrn_10_1</td>" in shown
    assert "&lt;at&gt;" in shown
    assert "<at>" not in shown


def test_a_member_shows_itself_as_its_pool_does() -> None:
    model = rk.create_model("cifar_wrn_10_1", num_classes=3, in_chans=1, seed=0)

    shown = rk.Member(model, "student", "at", seed=2, condition="label noise 40%")._repr_html_()

    assert "<td>at-2</td><td>student</td><td>cifar_wrn_10_1</td>" in shown
    assert "<td>label noise 40%</td>" in shown


def test_a_pool_prints_names_and_roles() -> None:
    model = rk.create_model("cifar_wrn_10_1", num_classes=3, in_chans=1, seed=0)

    assert repr(rk.ModelPool(baseline=model)) == "ModelPool(baseline: baseline)"


def test_a_model_prints_its_architecture_classes_and_size() -> None:
    # 1×1 image: the linear layer has 2 weights and 2 biases
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(1, 2))
    network.num_classes = 2

    assert repr(rk.PixelModel(network, architecture="mine")) == "PixelModel(mine, 2 classes, 4 parameters)"


def test_a_name_cannot_break_a_line_or_turn_its_direction() -> None:
    model = rk.PixelModel(torch.nn.Linear(1, 2), architecture="net\u202e")
    member = rk.Member(model, "student", "a\nb")

    assert repr(member) == r"Member(a\nb: student, net\u202e, 4 parameters)"
    assert r"<td>a\nb</td><td>student</td><td>net\u202e</td>" in member._repr_html_()
