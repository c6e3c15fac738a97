import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile

from robustkd.data import Dataset, ImageSet, load_dataset
from robustkd.errors import DataError


def picture(height: int = 6, width: int = 5, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def save(file: Path, pixels: np.ndarray) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file)
    return file


def load(path: Path | str) -> Dataset:
    return load_dataset(f"folder:{path}")


def read(images: ImageSet) -> np.ndarray:
    return images.read(torch.arange(len(images))).numpy()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes; training images a0, a1, b0 and test images a0, b0."""
    folder = tmp_path / "pets"
    for seed, name in enumerate(("train/cat/0", "train/cat/1", "train/dog/0", "test/cat/0", "test/dog/0")):
        save(folder / f"{name}.png", picture(seed=seed))
    return folder


def test_train_and_test_folders_make_a_data_set(folder: Path) -> None:
    dataset = load(folder)

    assert dataset.name == "pets"
    assert dataset.test.class_names == ("cat", "dog")
    assert dataset.training.labels.tolist() == [0, 0, 1]
    assert dataset.test.labels.tolist() == [0, 1]


def test_images_are_those_of_the_files_channel_first(folder: Path) -> None:
    dataset = load(folder)

    assert dataset.test.shape == (3, 6, 5)
    expected = [np.moveaxis(picture(seed=seed), -1, 0) for seed in range(5)]
    assert np.array_equal(read(dataset.training), np.stack(expected[:3]))
    assert np.array_equal(read(dataset.test), np.stack(expected[3:]))


def test_class_folders_alone_are_for_evaluation(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        save(tmp_path / name / "image.png", picture())

    dataset = load(tmp_path)

    assert dataset.train is None
    assert dataset.test.class_names == ("a", "b", "c")
    assert dataset.test.labels.tolist() == [0, 1, 2]


@pytest.mark.parametrize(("name", "shown"), [("a\nb", r"a\nb"), ("\x1b[31m", r"\x1b[31m"), ("a\u202eb", r"a\u202eb")])
def test_class_names_that_would_change_the_output_are_escaped(tmp_path: Path, name: str, shown: str) -> None:
    for split in ("train", "test"):
        save(tmp_path / name / split / name / "0.png", picture())

    dataset = load(tmp_path / name)

    assert dataset.name == shown
    assert dataset.training.class_names == dataset.test.class_names == (shown,)
    assert len(read(dataset.test)) == 1


def test_a_file_name_that_would_change_the_output_is_escaped_in_messages(tmp_path: Path) -> None:
    file = tmp_path / "a" / "new\nline\u202e.png"
    file.parent.mkdir()
    file.write_text("not an image")

    with pytest.raises(DataError) as caught:
        load(tmp_path)

    assert str(caught.value).startswith(f"{tmp_path}/a/new\\nline\\u202e.png: not a readable image")
    assert str(caught.value).isprintable()


def test_a_test_folder_alone_is_for_evaluation(tmp_path: Path) -> None:
    save(tmp_path / "test" / "a" / "image.png", picture())

    dataset = load(tmp_path)

    assert dataset.train is None
    assert dataset.test.class_names == ("a",)


def test_a_class_may_lack_test_images(folder: Path) -> None:
    (folder / "test" / "cat" / "0.png").unlink()
    (folder / "test" / "cat").rmdir()

    dataset = load(folder)

    assert dataset.test.class_names == ("cat", "dog")
    assert dataset.test.labels.tolist() == [1]


def test_files_that_are_no_images_are_left_out_and_counted(folder: Path) -> None:
    (folder / "train" / "cat" / "notes.txt").write_text("nice cats")
    (folder / "train" / "README.md").write_text("pets")

    dataset = load(folder)

    assert len(dataset.training) == 3
    assert dataset.remarks == (
        f"1 file of a class is not read: it has no suffix of an image (.txt), such as {folder}/train/cat/notes.txt",
    )


def test_a_clean_folder_has_no_remarks(folder: Path) -> None:
    assert load(folder).remarks == load(f"{folder}@4").remarks == ()


@pytest.mark.parametrize("suffix", [".png", ".PNG", ".bmp", ".ppm", ".tif", ".tiff"])
def test_images_are_known_by_their_suffix(tmp_path: Path, suffix: str) -> None:
    save(tmp_path / "a" / f"image{suffix}", picture())

    assert np.array_equal(read(load(tmp_path).test)[0], np.moveaxis(picture(), -1, 0))


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".webp"])
def test_lossy_images_are_read_nearly_as_they_were(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / "a" / f"image{suffix}"
    file.parent.mkdir()
    Image.fromarray(np.full((8, 8, 3), 77, np.uint8)).save(file, quality=95)

    np.testing.assert_allclose(read(load(tmp_path).test), 77, atol=2)


def test_images_of_every_mode_become_rgb(tmp_path: Path) -> None:
    grey = np.array([[0, 100], [200, 255]], np.uint8)
    (tmp_path / "a").mkdir()
    for mode in ("L", "P", "RGBA", "LA"):
        Image.fromarray(grey).convert(mode).save(tmp_path / "a" / f"{mode}.png")

    images = read(load(tmp_path).test)

    assert np.array_equal(images, np.broadcast_to(grey, (4, 3, 2, 2)))


def test_sixteen_bit_grey_is_scaled_or_refused_but_never_saturated(tmp_path: Path) -> None:
    save(tmp_path / "a" / "scan.png", np.array([[0, 32_896], [257, 65_535]], np.uint16))

    try:
        image = read(load(tmp_path).test)[0, 0]
    except DataError:
        return
    assert image.tolist() == [[0, 128], [1, 255]]


class Calls:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
        self._made: list[None] = []
        original = getattr(owner, name)

        def counted(*arguments: Any, **options: Any) -> Any:
            self._made.append(None)
            return original(*arguments, **options)

        monkeypatch.setattr(owner, name, counted)

    @property
    def count(self) -> int:
        return len(self._made)


def test_no_image_is_decoded_before_it_is_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = Calls(monkeypatch, ImageFile.ImageFile, "load")
    dataset = load(folder)
    after_loading = decoded.count

    dataset.training.read(torch.tensor([2]))

    assert after_loading == 0
    assert decoded.count >= 1


def test_each_image_is_opened_once_when_the_folder_is_loaded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Calls(monkeypatch, Image, "open")
    dataset = load(f"{folder}@4")
    after_loading = opened.count

    dataset.training.read(torch.tensor([2, 0]))

    assert after_loading == 5
    assert opened.count == 5 + 2


def test_size_cuts_out_the_centre_square(tmp_path: Path) -> None:
    pixels = picture(4, 8)
    save(tmp_path / "a" / "wide.png", pixels)

    images = load(f"{tmp_path}@4").test

    assert images.shape == (3, 4, 4)
    assert np.array_equal(read(images)[0], np.moveaxis(pixels[:, 2:6], -1, 0))


def test_size_resizes_the_shorter_side_first(tmp_path: Path) -> None:
    quadrants = np.zeros((8, 32, 3), np.uint8)
    quadrants[:, 12:16], quadrants[:, 16:20] = 60, 180
    save(tmp_path / "a" / "wide.png", quadrants)

    image = read(load(f"{tmp_path}@32").test)[0, 0]

    assert image.shape == (32, 32)
    np.testing.assert_allclose(image[:, 4:12], 60, atol=8)
    np.testing.assert_allclose(image[:, 20:28], 180, atol=8)


def test_images_of_a_class_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    greys = [7, 2, 9, 0, 5, 11, 3, 8, 1, 10, 4, 6]
    for grey in greys:
        save(tmp_path / "a" / f"{grey:02}.png", np.full((2, 2, 3), grey, np.uint8))

    assert read(load(tmp_path).test)[:, 0, 0, 0].tolist() == sorted(greys)


def test_images_made_smaller_are_averaged_rather_than_thinned_out(tmp_path: Path) -> None:
    checkerboard = np.indices((16, 16)).sum(axis=0) % 2 * 200
    save(tmp_path / "a" / "0.png", np.repeat(checkerboard[..., None], 3, axis=2).astype(np.uint8))

    np.testing.assert_allclose(read(load(f"{tmp_path}@4").test)[..., 1:3, 1:3], 100, atol=10)


def test_size_brings_images_of_different_sizes_together(tmp_path: Path) -> None:
    save(tmp_path / "a" / "0.png", picture(8, 8))
    save(tmp_path / "a" / "1.png", picture(5, 9))

    assert read(load(f"{tmp_path}@4").test).shape == (2, 3, 4, 4)


def test_images_of_different_sizes_are_photographs_which_is_said(tmp_path: Path) -> None:
    save(tmp_path / "a" / "0.png", picture(8, 8))
    save(tmp_path / "b" / "2.png", picture(6, 9))

    dataset = load(tmp_path)

    assert dataset.test.photographs
    assert dataset.remarks == (
        "images differ in size, from 9×6 to 8×8 (width×height): for each network the shorter side is resized and the "
        "centre is cut out",
    )


@pytest.mark.parametrize("option", ["@4", "@squash=4"])
def test_a_chosen_size_makes_them_images_of_one_size(tmp_path: Path, option: str) -> None:
    save(tmp_path / "a" / "0.png", picture(8, 8))
    save(tmp_path / "b" / "2.png", picture(6, 9))

    dataset = load(f"{tmp_path}{option}")

    assert not dataset.test.photographs
    assert dataset.test.shape == (3, 4, 4)
    assert dataset.remarks == ()


def test_training_and_test_images_of_different_sizes_are_photographs(folder: Path) -> None:
    for name in ("cat", "dog"):
        save(folder / "test" / name / "0.png", picture(7, 7))

    dataset = load(folder)

    assert dataset.test.photographs
    assert dataset.training.photographs


def test_training_on_images_of_different_sizes_is_refused_with_the_option_that_is_needed(folder: Path) -> None:
    save(folder / "train" / "cat" / "0.png", picture(7, 7))

    with pytest.raises(DataError, match=r"pets: images differ in size, and training needs one: .*folder:PATH@224"):
        load(folder).trained_on()

    assert len(load(f"{folder}@4").trained_on().images) == 3


def test_images_of_different_sizes_are_not_read_into_memory_before_a_size_is_chosen(folder: Path) -> None:
    save(folder / "train" / "cat" / "0.png", picture(7, 7))

    with pytest.raises(DataError, match=r"differ in size: choose one, as in folder:PATH@224"):
        load(folder).in_memory()


@pytest.mark.parametrize("size", ["", "@4"])
def test_a_text_file_called_png_is_named(folder: Path, size: str) -> None:
    (folder / "train" / "cat" / "1.png").write_text("not an image")

    with pytest.raises(DataError, match=r"train/cat/1\.png: not a readable image"):
        load(f"{folder}{size}").training.read(torch.arange(3))


@pytest.mark.parametrize("size", ["", "@4"])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".gif", ".tif", ".ppm"])
@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.9])
def test_a_truncated_image_is_named(tmp_path: Path, suffix: str, size: str, kept: float) -> None:
    save(tmp_path / "a" / "0.png", picture(24, 24))
    broken = save(tmp_path / "a" / f"1{suffix}", picture(24, 24))
    whole = broken.read_bytes()
    broken.write_bytes(whole[: int(kept * len(whole))])

    with pytest.raises(DataError, match=rf"a/1\{suffix}: not a readable image .*remove or replace it"):
        load(f"{tmp_path}{size}").test.read(torch.arange(2))


def test_an_image_removed_meanwhile_is_named(folder: Path) -> None:
    dataset = load(folder)
    (folder / "test" / "dog" / "0.png").unlink()

    with pytest.raises(DataError, match=r"test/dog/0\.png"):
        dataset.test.read(torch.tensor([1]))


def test_an_image_too_large_to_be_one_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "a" / "bomb.png", picture(24, 24))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)

    with pytest.raises(DataError, match=r"a/bomb\.png"):
        load(tmp_path)


def test_a_class_that_was_not_trained_on_is_refused(folder: Path) -> None:
    save(folder / "test" / "frog" / "0.png", picture())

    with pytest.raises(DataError, match=r"test: class folder 'frog' is not among the training classes"):
        load(folder)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere: no such folder"):
        load(tmp_path / "nowhere")


def test_a_training_folder_without_a_test_folder_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "train" / "a" / "0.png", picture())

    with pytest.raises(DataError, match=r"has train/ but no test/"):
        load(tmp_path)


def test_a_folder_without_class_folders_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "0.png", picture())

    with pytest.raises(DataError, match=r"holds no class folders .expected .*/CLASS/"):
        load(tmp_path)


@pytest.mark.parametrize("empty", ["train", "test"])
def test_class_folders_without_images_are_refused(folder: Path, empty: str) -> None:
    for file in (folder / empty).rglob("*.png"):
        file.unlink()

    with pytest.raises(DataError, match=rf"{empty}: holds no images .*\.png"):
        load(folder)


@pytest.mark.parametrize("size", ["0", "-4", "4x4", "²"])
def test_an_ending_that_is_not_a_size_belongs_to_the_folders_name(folder: Path, size: str) -> None:
    with pytest.raises(DataError, match=f"pets@{size}: no such folder"):
        load(f"{folder}@{size}")


def test_a_tilde_means_the_home_directory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))

    assert len(load("~/pets").test) == len(load("~/pets@4").test) == 2


def test_the_digest_follows_the_content_of_the_files_not_their_names(folder: Path) -> None:
    before = load(folder).digest
    os.rename(folder / "train" / "cat" / "1.png", folder / "train" / "cat" / "9.png")
    os.rename(folder, folder.parent / "moved")

    assert load(folder.parent / "moved").digest == before


def test_the_digest_changes_with_an_image_and_with_the_size(folder: Path) -> None:
    before = load(folder).digest

    assert load(f"{folder}@4").digest != before

    save(folder / "test" / "dog" / "0.png", picture(seed=99))
    assert load(folder).digest != before


@pytest.mark.parametrize("ending", ["", "@4"])
def test_images_that_were_read_need_no_files_and_are_the_same(folder: Path, ending: str) -> None:
    lazy = load(f"{folder}{ending}")
    everything = torch.arange(len(lazy.training))
    pixels, digest = lazy.training.read(everything), lazy.digest
    some = torch.tensor([1, 0])
    digest_of_some = lazy.training.subset(some).digest

    sent = pickle.dumps(lazy.in_memory())
    shutil.rmtree(folder)
    arrived = pickle.loads(sent)

    assert torch.equal(arrived.training.read(everything), pixels)
    assert torch.equal(arrived.training.subset(some).read(torch.tensor([0])), pixels[1:2])
    assert arrived.digest == arrived.in_memory().digest == digest
    assert arrived.training.subset(some).digest == digest_of_some  # a training that was begun goes on
