"""Charts drawn as pictures, without a browser."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from robustkd.errors import RobustKDError, printable
from robustkd.reporting.pdf_order import in_one_order

_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
_TWO_UNITS = re.compile("[\U00010000-\U0010ffff]")


@contextmanager
def libraries_at_hand(run: Path) -> Iterator[None]:
    """Report a missing library in one line: reports need some that measurements do not.

    Args:
        run: The run directory. Its results are complete even if drawing fails.

    Raises:
        RobustKDError: A library is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise RobustKDError(
            f"{run}: the results are complete, but the report needs {error.name}, which is not installed; install it "
            f"(pip install altair vl-convert-python jinja2), then run: robustkd report {run}"
        ) from error


@contextmanager
def charts_unchecked() -> Iterator[None]:
    """Build charts without validating each of their parts against Vega-Lite's schema, which takes most of the time.

    The tests of the charts validate them.
    """
    from altair.utils.schemapi import debug_mode

    with debug_mode(False):
        yield


def below_each_other(charts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Put whole charts below each other in one specification.

    ``altair.vconcat`` does the same to charts that are not specifications yet, and copies every part of them several
    times, which takes longer than to draw them.

    Args:
        charts: Vega-Lite specifications as altair writes them, at least one.
    """
    top: dict[str, Any] = {key: charts[0][key] for key in ("$schema", "config") if key in charts[0]}
    data = {name: rows for chart in charts for name, rows in chart.get("datasets", {}).items()}
    selections = [each for chart in charts for each in chart.get("params", ()) if "views" in each]
    top |= {key: value for key, value in (("datasets", data), ("params", selections)) if value}
    return top | {"vconcat": [_as_part(chart) for chart in charts]}


def _as_part(chart: dict[str, Any]) -> dict[str, Any]:
    """A chart without what only a whole specification has; a selection of named views stands at the top."""
    own = [each for each in chart.get("params", ()) if "views" not in each]
    kept = {key: value for key, value in chart.items() if key not in ("$schema", "config", "datasets", "params")}
    return kept | ({"params": own} if own else {})


def printable_chart(specification: dict[str, Any]) -> dict[str, Any]:
    """Return a chart whose names show control characters as escapes: a drawing cannot hold them."""
    return dict(_each_text(specification, lambda text: _HIDDEN.sub(lambda found: printable(found[0]), text)))


def to_svg(specification: dict[str, Any], name: str) -> str:
    """Draw a chart as SVG.

    Args:
        specification: The Vega-Lite specification.
        name: A name that is unique on the page; the ids in the drawing begin with it.
    """
    import vl_convert

    version = vega_lite_version(specification.get("$schema", ""))
    try:
        svg = vl_convert.vegalite_to_svg(specification, vl_version=version)
    except ValueError:  # Vega shortens a long name in the middle of a character that takes two units of UTF-16
        shortened = _each_text(specification, lambda text: _TWO_UNITS.sub("\ufffd", text))
        svg = vl_convert.vegalite_to_svg(shortened, vl_version=version)
    return _own_ids(svg, name)


def to_png(svg: str) -> bytes:
    """Return a drawing as PNG, at twice its size."""
    import vl_convert

    return vl_convert.svg_to_png(svg, scale=2)


def to_pdf(svg: str) -> bytes:
    """Return a drawing as PDF: vectors, with its fonts embedded, one point for each pixel.

    The same drawing gives the same bytes.
    """
    import vl_convert

    return in_one_order(vl_convert.svg_to_pdf(svg))


_SIZE = re.compile(r'(?<= )width="([0-9.]+)" height="([0-9.]+)"')


def size_of(svg: str) -> tuple[float, float]:
    """Return the width and the height of a drawing in pixels."""
    found = _SIZE.search(svg)
    if found is None:
        raise ValueError("the drawing has no size")
    return float(found[1]), float(found[2])


def not_wider(svg: str, width: float) -> str:
    """Scale a drawing down to a width in pixels; a narrower one stays as it is."""
    wide, high = size_of(svg)
    size = f'width="{width:.2f}" height="{high * width / wide:.2f}"'
    return svg if wide <= width else _SIZE.sub(size, svg, count=1)


def vega_lite_version(schema: str = "") -> str:
    """Return a version of Vega-Lite as vl-convert names it (``6.1`` for ``v6.1.0``), or the nearest it has.

    Args:
        schema: The schema that a specification names; by default altair's version is meant.
    """
    import vl_convert

    named = re.search(r"/v(\d+)\.(\d+)", schema)
    wanted = (int(named[1]), int(named[2])) if named else _version_of_altair()
    carried = [tuple(int(part) for part in version.split(".")) for version in vl_convert.get_vegalite_versions()]
    same = [version for version in carried if version[0] == wanted[0]] or carried
    nearest = min(same, key=lambda version: abs(version[1] - wanted[1]))
    return ".".join(map(str, nearest))


def _version_of_altair() -> tuple[int, int]:
    import altair as alt

    major, minor = alt.SCHEMA_VERSION.lstrip("v").split(".")[:2]
    return int(major), int(minor)


def _own_ids(svg: str, prefix: str) -> str:
    """Number a drawing's ids from 0 and prefix them: vl-convert counts on, and a page holds several drawings."""
    found = dict.fromkeys(re.findall(r'id="([^"]+)"', svg))
    for index, name in enumerate(found):
        svg = re.sub(rf'(id="|url\(#|href="#){re.escape(name)}(?=["\)])', rf"\g<1>{prefix}-{index}", svg)
    return svg


def _each_text(part: Any, changed: Callable[[str], str]) -> Any:
    if isinstance(part, str):
        return changed(part)
    if isinstance(part, dict):
        return {key: _each_text(value, changed) for key, value in part.items()}
    return [_each_text(each, changed) for each in part] if isinstance(part, list) else part
