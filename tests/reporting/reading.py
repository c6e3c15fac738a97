"""A page as a reader without scripts gets it."""

from dataclasses import dataclass
from html.parser import HTMLParser

_VOID = {"meta", "link", "br", "img", "input", "wbr", "rect", "path"}


@dataclass
class Element:
    """An element of a page, with the text inside it."""

    tag: str
    attributes: dict[str, str]
    parents: tuple["Element", ...]
    text: str = ""

    @property
    def words(self) -> str:
        """Its text in one line."""
        return " ".join(self.text.split())


class Page(HTMLParser):
    """Collects the elements of a page; scripts and styles are not part of the text around them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, tuple(self._open))
        self.elements.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}, tuple(self._open)))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        inner = self._open[-1] if self._open else None
        for element in [inner] if inner and inner.tag in ("script", "style") else self._open:
            if element is not None:
                element.text += data

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """The elements with a tag and with these attributes; `of` stands for ``class``, of which one must be it."""
        of = attributes.pop("of", None)
        return [
            each
            for each in self.elements
            if each.tag == tag
            and (of is None or of in each.attributes.get("class", "").split())
            and all(each.attributes.get(name) == value for name, value in attributes.items())
        ]

    def one(self, tag: str, **attributes: str) -> Element:
        """The only such element."""
        (found,) = self.all(tag, **attributes)
        return found

    def inside(self, element: Element, tag: str) -> list[Element]:
        """The elements with a tag inside another."""
        return [each for each in self.all(tag) if any(parent is element for parent in each.parents)]
