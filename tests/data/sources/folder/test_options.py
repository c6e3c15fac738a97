from pathlib import Path

import pytest

from robustkd.data.encoded.options import split_options
from robustkd.data.sources.folder.options import FolderOptions
from robustkd.errors import DataError


@pytest.mark.parametrize(
    ("text", "path", "options"),
    [
        ("pets", "pets", FolderOptions()),
        ("pets@224", "pets", FolderOptions(size=224)),
        ("pets@size=224", "pets", FolderOptions(size=224)),
        ("pets@squash=64@order=name", "pets", FolderOptions(squash=64, order="name")),
        ("pets@exif=apply@224", "pets", FolderOptions(size=224, exif="apply")),
        ("a@b/pets@background=black", "a@b/pets", FolderOptions(background="black")),
        ("pets@0", "pets@0", FolderOptions()),
        ("me@home", "me@home", FolderOptions()),
        ("x=1/pets@2x", "x=1/pets@2x", FolderOptions()),
    ],
)
def test_options_follow_the_path(text: str, path: str, options: FolderOptions) -> None:
    assert split_options(text, FolderOptions) == (path, options)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pets@exfi=apply", r"unknown option 'exfi': did you mean exif\?"),
        ("pets@exif=yes", r"exif must be apply or ignore, got 'yes'"),
        ("pets@order=size", r"order must be name or natural, got 'size'"),
        ("pets@squash=big", r"squash must be a whole number greater than 0, got 'big'"),
        ("pets@224@squash=224", r"give size or squash, not both"),
        ("pets@224@128", r"the option size is given twice"),
    ],
)
def test_a_wrong_option_is_named(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        split_options(text, FolderOptions)


def test_a_folder_whose_own_name_ends_like_an_option_is_taken_whole(tmp_path: Path) -> None:
    (tmp_path / "pets@224").mkdir()

    assert split_options(f"{tmp_path}/pets@224", FolderOptions) == (f"{tmp_path}/pets@224", FolderOptions())
    assert split_options(f"{tmp_path}/pets@224@64", FolderOptions) == (f"{tmp_path}/pets@224", FolderOptions(size=64))
