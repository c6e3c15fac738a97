"""The pictures of images of an evaluation, from its records."""

import base64
from dataclasses import dataclass, replace
from pathlib import Path

from robustkd.evaluations import EVALUATIONS, Evaluation
from robustkd.presentation.pictures import Picture, Tile, tile_png
from robustkd.results.result import Result
from robustkd.results.storage import load_records


def pictures_of(result: Result, folder: Path) -> tuple[Picture, ...]:
    """Return the pictures of an evaluation; where a study has several parts, those of one after those of another.

    Args:
        result: The result of the evaluation.
        folder: The folder of the records, ``RUN/results``.
    """
    evaluation = EVALUATIONS[result.evaluation]()
    if type(evaluation).pictures is Evaluation.pictures:  # the records of most evaluations need not be read
        return ()
    parts = load_records(folder, result.evaluation)
    if len(parts) == 1:
        return evaluation.pictures(parts[0].records)
    return tuple(
        replace(picture, name=f"{picture.name}-{index}", title=f"{picture.title}: {part.title}")
        for index, part in enumerate(parts)
        for picture in evaluation.pictures(part.records)
    )


@dataclass(frozen=True)
class EmbeddedTile:
    """An image of a picture inside a page.

    Attributes:
        source: The image as a data URI.
        text: The text below it.
    """

    source: str
    text: str


def embedded(tile: Tile) -> EmbeddedTile:
    """Return the image of a tile for a page that opens offline."""
    return EmbeddedTile("data:image/png;base64," + base64.b64encode(tile_png(tile)).decode(), tile.text)
