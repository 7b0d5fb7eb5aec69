"""LaTeX as MathML, laid out as TeX would, the LaTeX kept as annotation.

latex2mathml converts; what it leaves to the browser's operator dictionary is mended here, because there it shows: operators
given as identifiers, spaces inside delimiters and around |…|, names set letter by letter.
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache
from xml.etree import ElementTree

from markupsafe import Markup

from ikun_sym.errors import IkunError

from .latex import names_apart

NAMESPACE = "http://www.w3.org/1998/Math/MathML"

TALL = {"mfrac", "mtable", "munder", "mover", "munderover", "mroot"}
"""Content for which a delimiter has to stretch; around anything else a stretched one only adds space."""

LIMITS = {"lim", "max", "min", "sup", "inf"}
"""Operators whose index stands below in a displayed formula."""

_BARS, _OPENING, _CLOSING = "|‖", "([{⟨⌊⌈", ")]}⟩⌋⌉"
_SIGNS = ("−", "+", "±")
_ENDS = (*_CLOSING, *_BARS, "′", "!")
"""Operators after which a sign stands between two things."""


@lru_cache(maxsize=8192)
def mathml(latex: str, display: str = "block") -> Markup:
    """One `<math>` element. `display`: block or inline."""
    body = "".join(ElementTree.tostring(child, encoding="unicode") for child in _tree(latex, display))
    annotation = f'<annotation encoding="application/x-tex">{html.escape(latex)}</annotation>'
    return Markup(
        f'<math xmlns="{NAMESPACE}" display="{display}"><semantics><mrow>{body}</mrow>{annotation}</semantics></math>'
    )


def _tree(latex: str, display: str) -> ElementTree.Element:
    from latex2mathml.converter import convert

    try:
        made = convert(names_apart(latex), display=display)
        root = ElementTree.fromstring(made.replace(f' xmlns="{NAMESPACE}"', ""))
    except Exception as error:  # latex2mathml lets a dozen of its own and Python's exceptions through
        raise IkunError(f"formula {latex!r} cannot be set as MathML: {type(error).__name__} {error}".strip()) from None
    _mend(root)
    return root


def _mend(node: ElementTree.Element) -> None:
    for child in node:
        _mend(child)
    _join_names(node)
    children = list(node)
    if node.tag == "msub" and children[0].text in LIMITS:
        node.tag = "munder"
    tall = any(found.tag in TALL for child in children for found in child.iter())
    for before, child, after in zip([None, *children], children, [*children[1:], None], strict=False):
        if child.tag == "mi" and child.text and unicodedata.category(child.text[0]) in ("Sm", "Po", "Ps", "Pe", "So"):
            child.tag = "mo"
        if child.tag == "mi" and len(child.text or "") > 1 and (child.text or "").isalpha() and not child.get("mathvariant"):
            child.tag = "mo"  # exp, log, arctan
        if child.tag == "mo":
            _mend_operator(child, before, after, tall)
    if node.tag in ("msup", "msubsup") and children[-1].text == "′":
        children[-1].set("lspace", "0")
    if _is_fenced(children) and not tall:
        for delimiter in (children[0], children[-1]):
            delimiter.set("stretchy", "false")


def _mend_operator(
    operator: ElementTree.Element, before: ElementTree.Element | None, after: ElementTree.Element | None, tall: bool
) -> None:
    text = operator.text or ""
    if len(text) > 1 and text.isalpha():  # erfc, mod: TeX's space before, none where an argument in parentheses follows
        follows = _first(after)
        operator.set("lspace", "0" if before is None or before.tag == "mo" else "0.1667em")
        operator.set("rspace", "0" if follows in _OPENING + _BARS else "0.1667em")
        operator.set("form", "infix")
    elif text in _SIGNS and (before is None or (before.tag == "mo" and before.text not in _ENDS)):
        operator.set("form", "prefix")  # a sign, not an operation between two things
        operator.set("lspace", "0")
        operator.set("rspace", "0")
    elif text == "/":
        operator.set("lspace", "0")
        operator.set("rspace", "0")
    elif text == "~":  # what latex2mathml writes for \\sim; the operator dictionary gives no space around it
        operator.text = "∼"
    elif text and (text in _BARS or text in _OPENING or text in _CLOSING):
        operator.set("lspace", "0")
        operator.set("rspace", "0")
        if not tall:
            operator.attrib.setdefault("stretchy", "false")


def _first(node: ElementTree.Element | None) -> str:
    """The first character that is set."""
    if node is None:
        return " "
    return next((found.text[0] for found in node.iter() if found.text), " ")


def _is_fenced(children: list[ElementTree.Element]) -> bool:
    return len(children) > 1 and all(
        child.tag == "mo" and child.get("fence") == "true" for child in (children[0], children[-1])
    )


def _join_names(node: ElementTree.Element) -> None:
    """Upright letters in a row are one name: \\mathrm{in}."""
    if node.tag not in ("mrow", "math", "mtd"):
        return
    last: ElementTree.Element | None = None
    for child in list(node):
        upright = child.tag == "mi" and child.get("mathvariant") == "normal" and re.fullmatch(r"[\w ]+", child.text or "")
        if upright and last is not None:
            last.text = (last.text or "") + (child.text or "")
            node.remove(child)
        else:
            last = child if upright else None
