"""The libraries that draw the charts of a page, contained in it so that it opens offline."""

import zlib
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

import vl_convert

from robustkd.atomic import write_text
from robustkd.cache_directory import cache_directory
from robustkd.reporting.packed import packed, unpacked


@cache
def packed_vega(vega_lite_version: str) -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script, packed.

    Bundling them takes seconds and always gives the same, so the result is kept in the cache directory.

    Args:
        vega_lite_version: The version of Vega-Lite as vl-convert names it, such as ``6.1``.
    """
    place = cache_directory() / f"vega-lite-{vega_lite_version}-vl-convert-{version('vl-convert-python')}.txt"
    kept = _kept(place)
    if kept is not None:
        return kept
    bundle = packed(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=vega_lite_version))
    with suppress(OSError):  # where nothing can be kept, it is bundled each time
        write_text(place, bundle)
    return bundle


def _kept(place: Path) -> str | None:
    """What a file holds; None if it is missing or damaged."""
    try:
        text = place.read_text(encoding="ascii")
        return text if unpacked(text) else None
    except (OSError, EOFError, ValueError, zlib.error):
        return None
