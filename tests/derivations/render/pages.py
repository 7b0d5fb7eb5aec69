"""What every page has to be, whoever made it: well-formed, self-contained, accessible, its formulas MathML with their LaTeX."""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "hr", "img", "input"}
LANDMARKS = {"main", "header", "footer", "nav"}


class Page(HTMLParser):
    """Balanced tags, ids, references, headings, and the text inside and outside annotations."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.tags: dict[str, int] = {}
        self.references: list[str] = []
        self.annotations: list[str] = []
        self.headings: list[int] = []
        self.labels: list[str] = []
        self.pictures: list[dict[str, str | None]] = []
        self.lang: str | None = None
        self.shown = ""
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        for key, value in attrs:
            if key == "id":
                self.ids.append(value or "")
            if key in ("src", "href", "srcset", "data", "action", "poster"):
                self.references.append(value or "")
            if key in ("aria-labelledby", "aria-describedby"):
                self.labels += (value or "").split()
            assert not key.startswith("on"), f"event handler {key}"
        if tag == "html":
            self.lang = dict(attrs).get("lang")
        if tag in ("svg", "img"):
            self.pictures.append(dict(attrs))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "annotation":
            self.annotations.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> closes <{self.open[-1]}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if "annotation" in self.open:
            self.annotations[-1] += data
        elif "style" not in self.open:
            self.shown += data


def check_page(text: str, files: frozenset[str] = frozenset()) -> Page:
    """`files`: those that a page may link to, beside its own anchors."""
    page = Page(text)
    assert "script" not in page.tags
    for reference in page.references:
        file, _, target = reference.partition("#")
        assert reference.startswith("data:") or file in files or (not file and target in page.ids), reference
    assert not [place for place in ("@import", "http-equiv") if place in text]
    assert all(place.startswith("#") and place[1:] in page.ids for place in re.findall(r"url\(([^)]*)\)", text))
    assert len(page.ids) == len(set(page.ids)), sorted({i for i in page.ids if page.ids.count(i) > 1})
    assert all(re.fullmatch(r"\S+", found) for found in page.ids)
    assert set(page.labels) <= set(page.ids)
    assert page.lang == "en"
    assert page.tags.get("main") == 1
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    assert all(below <= above + 1 for above, below in zip(page.headings, page.headings[1:], strict=False)), page.headings
    for picture in page.pictures:
        assert picture.get("role") == "img", picture
        assert picture.get("aria-labelledby"), picture
    assert page.tags.get("math", 0) == len(page.annotations)  # every formula carries its LaTeX
    assert all(page.annotations)
    for raw in ("\\frac", "\\mathbb", "\\left", "\\operatorname", "\\begin", "\\mathrm", "\\text"):
        assert raw not in page.shown, f"raw LaTeX {raw} is shown"
    return page
