"""The script that draws the charts is bundled once, and kept only where that is possible."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import vl_convert

from robustkd.cache_directory import cache_directory
from robustkd.reporting.packed import unpacked
from robustkd.reporting.vega import packed_vega


@pytest.fixture(autouse=True)
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Versions that were bundled; what earlier tests bundled is forgotten."""
    found: list[str] = []

    def bundle(snippet: str, vl_version: str) -> str:
        found.append(vl_version)
        return f"{snippet} // {vl_version}"

    monkeypatch.setattr(vl_convert, "javascript_bundle", bundle)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    packed_vega.cache_clear()
    yield found
    packed_vega.cache_clear()


def test_another_process_finds_the_script_that_the_first_one_bundled(bundled: list[str]) -> None:
    first = packed_vega("6.1")
    packed_vega.cache_clear()

    assert packed_vega("6.1") == first
    assert "vegaEmbed" in unpacked(first)
    assert bundled == ["6.1"]


def test_each_version_has_a_script_of_its_own(bundled: list[str]) -> None:
    assert packed_vega("6.1") != packed_vega("6.2")
    assert bundled == ["6.1", "6.2"]


@pytest.mark.parametrize("keep", [0, 20])
def test_a_damaged_file_is_replaced(bundled: list[str], keep: int) -> None:
    whole = packed_vega("6.1")
    [file] = cache_directory().iterdir()
    file.write_text(whole[:keep])
    packed_vega.cache_clear()

    assert packed_vega("6.1") == whole
    assert file.read_text() == whole
    assert bundled == ["6.1", "6.1"]


def test_nothing_is_kept_where_the_cache_directory_cannot_be_made(tmp_path: Path, bundled: list[str]) -> None:
    (tmp_path / "cache").write_text("a file, not a folder")

    assert "vegaEmbed" in unpacked(packed_vega("6.1"))
    assert bundled == ["6.1"]
