from pathlib import Path

import numpy as np
import pytest
from PIL import Image


class Album:
    """A folder that is filled with images of noise, each different."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._made = 0

    def add(self, *names: str, width: int = 5, height: int = 6) -> "Album":
        for name in names:
            self._made += 1
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            noise = np.random.default_rng(self._made).integers(0, 256, (height, width, 3), dtype=np.uint8)
            Image.fromarray(noise).save(file)
        return self

    def write(self, name: str, text: str = "") -> "Album":
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        (self.path / name).write_text(text)
        return self


@pytest.fixture
def album(tmp_path: Path) -> Album:
    return Album(tmp_path / "album")
