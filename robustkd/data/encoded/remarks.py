"""What a reader must know of the pixels of encoded images, in sentences."""

from collections.abc import Sequence

from robustkd.data.encoded.decoding import Decoding
from robustkd.data.encoded.geometry import StandardEvaluation
from robustkd.data.encoded.headers import Header


def pixel_remarks(headers: Sequence[Header], decoding: Decoding) -> tuple[str, ...]:
    """Describe what was done to the pixels of some images.

    Args:
        headers: What is known of all images.
        decoding: How files become pixels.
    """
    count = len(headers)
    remarks = []
    if transparent := sum(header.transparent for header in headers):
        other = "black" if decoding.background == "white" else "white"
        remarks.append(
            f"{_have(transparent, count)} an alpha channel or a transparent colour: transparent pixels become "
            f"{decoding.background} "
            f"(@background={other} for {other})"
        )
    if turned := sum(header.orientation != 1 for header in headers):
        what, other = (
            ("which is ignored, as torchvision and timm do", "@exif=apply turns images upright")
            if decoding.exif == "ignore"
            else ("which is applied", "torchvision and timm ignore it")
        )
        remarks.append(f"{_have(turned, count)} an orientation in EXIF, {what}; {other}")
    if pages := sum(header.pages for header in headers):
        remarks.append(f"{_have(pages, count)} several pages or frames, of which the first is read")
    if isinstance(decoding.geometry, StandardEvaluation):
        least, most = (pick(headers, key=lambda header: header.size[0] * header.size[1]).size for pick in (min, max))
        remarks.append(
            f"images differ in size, from {least[0]}×{least[1]} to {most[0]}×{most[1]} (width×height): for each "
            "network the shorter side is resized and the centre is cut out"
        )
    return tuple(remarks)


def _have(some: int, count: int) -> str:
    return f"{some:,} of {count:,} images {'has' if some == 1 else 'have'}"
