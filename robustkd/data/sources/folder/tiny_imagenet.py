"""The validation images of Tiny-ImageNet: all in one folder, with their classes in a text file."""

from pathlib import Path

from robustkd.data.sources.folder.files import Found
from robustkd.errors import DataError

ANNOTATIONS = "val_annotations.txt"


def annotated(part: Path) -> dict[str, Found]:
    """Read the classes of the images in ``images/`` from ``val_annotations.txt``.

    Each of its lines has the name of a file, the class, and the corners of a box, separated by tabs.

    Args:
        part: The folder of both.

    Returns:
        The images of each class.

    Raises:
        DataError: The file is not of this form, or images are missing.
    """
    file = part / ANNOTATIONS
    images: dict[str, list[Path]] = {}
    missing: list[Path] = []
    for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        fields = line.split("\t")
        if not line.strip():
            continue
        if len(fields) < 2 or not fields[0] or not fields[1]:
            raise DataError(f"{file}:{number}: must have the name of an image and its class, separated by a tab")
        image = part / "images" / fields[0]
        images.setdefault(fields[1], []).append(image)
        if not image.is_file():
            missing.append(image)
    if missing:
        raise DataError(f"{file}: {len(missing):,} of its images are missing; the first: {missing[0]}")
    return {name: Found(images=tuple(sorted(files))) for name, files in images.items()}
