"""One order for the parts of a PDF, which vl-convert writes in any order: the same drawing gives the same bytes."""

import re

_TABLE = re.compile(rb"\nxref\s+0 \d+\s+((?:\d{10} \d{5} [nf]\s{1,2})+)")
_REFERENCE = re.compile(rb"\b(\d+) 0 R\b")
_NAMED_RESOURCES = re.compile(rb"(?:^ *\/\w+ \d+ 0 R\n){2,}", re.MULTILINE)


def in_one_order(pdf: bytes) -> bytes:
    """Number and sort the objects of a PDF in the order in which they are referred to.

    Args:
        pdf: A PDF with one classic table of its objects, as svg2pdf writes it.

    Returns:
        The same document. What has no such table is returned as it is.
    """
    table = _TABLE.search(pdf)
    roots = re.findall(rb"\/(Root|Info) (\d+) 0 R", pdf[table.end() :]) if table else []
    if table is None or not roots:
        return pdf
    objects = _objects(pdf, table)
    first = {name: int(number) for name, number in sorted(roots, reverse=True)}
    numbers = {old: new for new, old in enumerate(_referred(objects, list(first.values())), 1)}

    def renumbered(found: re.Match[bytes]) -> bytes:
        return b"%d 0 R" % numbers[int(found[1])]

    whole, places = bytearray(pdf[: pdf.index(b"\n", 10) + 1]), []
    for old, new in numbers.items():
        places.append(len(whole))
        head, body = objects[old]
        whole += b"%d 0 obj" % new + _REFERENCE.sub(renumbered, head) + body
    rows = b"".join(b"%010d 00000 n\r\n" % place for place in places)
    named = b"".join(b"  /%s %d 0 R\n" % (name, numbers[old]) for name, old in first.items())
    size = len(numbers) + 1
    return (
        bytes(whole)
        + b"xref\n0 %d\n0000000000 65535 f\r\n" % size
        + rows
        + b"trailer\n<<\n  /Size %d\n" % size
        + named
        + b">>\nstartxref\n%d\n%%%%EOF" % len(whole)
    )


def _objects(pdf: bytes, table: re.Match[bytes]) -> dict[int, tuple[bytes, bytes]]:
    """Each object by its number: what comes before its stream, with names sorted, and the stream."""
    places = {
        number: int(offset)
        for number, (offset, kind) in enumerate(re.findall(rb"(\d{10}) \d{5} ([nf])", table[1]))
        if kind == b"n"
    }
    starts = sorted(places.values())
    ends = dict(zip(starts, [*starts[1:], table.start() + 1], strict=True))
    found = {}
    for number, place in places.items():
        content = pdf[place : ends[place]].split(b" 0 obj", 1)[1]
        head, stream, body = content.partition(b"\nstream\n")
        found[number] = (_NAMED_RESOURCES.sub(_sorted_lines, head), stream + body)
    return found


def _referred(objects: dict[int, tuple[bytes, bytes]], first: list[int]) -> list[int]:
    """The numbers of all objects that are in use, each once, depth first."""
    order: dict[int, None] = {}
    waiting = first[::-1]
    while waiting:
        number = waiting.pop()
        if number not in order:
            order[number] = None
            waiting += [int(each) for each in _REFERENCE.findall(objects[number][0])][::-1]
    return list(order)


def _sorted_lines(lines: re.Match[bytes]) -> bytes:
    return b"".join(sorted(lines[0].splitlines(keepends=True)))
