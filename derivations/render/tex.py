"""LaTeX that pdflatex compiles: each document by itself, and index.tex, all of them in one with contents and symbols;
plots as PDF files beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..document import MARKS, Document
from ..symbols import Symbol
from .curves import curves
from .drawing import PALETTE, pdf
from .numbered import Line, figures, numbered
from .tex_text import escape, formula, prose
from .volume import Provenance, Volume

PREAMBLE = r"""\documentclass[11pt,a4paper]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{lmodern}
\usepackage{amsmath,amssymb}
\usepackage[margin=25mm]{geometry}
\usepackage{graphicx,xcolor,longtable}
\usepackage[hidelinks]{hyperref}
\setlength{\parindent}{0pt}
\setlength{\parskip}{0.4\baselineskip}
\setcounter{tocdepth}{2}
\sloppy
%COLOURS%
% a formula that is wider than the line is scaled down to it
\newsavebox{\formulabox}
\newcommand{\fit}[1]{\sbox{\formulabox}{$\displaystyle #1$}%
  \ifdim\wd\formulabox>\linewidth \resizebox{\linewidth}{!}{\usebox{\formulabox}}\else\usebox{\formulabox}\fi}
% mark, number, anchor
\newcommand{\statement}[3]{\par\medskip\hypertarget{#3}{}\textbf{#2}\enspace\textsf{\small #1}\quad}
\newcommand{\why}[1]{\par{\small\color{quiet}#1\par}}
"""

_COLOUR = {"proved": "good", "enclosed": "accent", "agrees": "open", "sampled": "open", "plotted": "open", "not shown": "open"}


def pages(document: Document, volume: Volume) -> dict[str, str | bytes]:
    here = volume.entry(document.id)
    body = [r"\maketitle", *_document(document, "section"), *_symbols(here.symbols), *_marks()]
    text = _file(document.title, [*body, *_reproduce(volume.provenance, here.source)])
    return {f"{document.id}.tex": text} | {f"{anchor}.pdf": pdf(curves(figure)) for anchor, figure in figures(document)}


def index(documents: Sequence[Document], volume: Volume, title: str, introduction: str) -> dict[str, str]:
    body = [r"\maketitle", prose(introduction), r"\tableofcontents"]
    for document in documents:
        body += [r"\clearpage", rf"\section{{{_heading(document.title)}}}", *_document(document, "subsection")]
    body += [r"\clearpage", *_symbols([symbol for symbol, _ in volume.glossary]), *_marks()]
    return {"index.tex": _file(title, [*body, *_reproduce(volume.provenance)])}


def _file(title: str, body: list[str]) -> str:
    colours = (rf"\definecolor{{{name}}}{{HTML}}{{{value[1:].upper()}}}" for name, value in PALETTE.items())
    head = PREAMBLE.replace("%COLOURS%", "\n".join(colours))
    return "\n".join(
        [head, rf"\title{{{prose(title)}}}", r"\author{}\date{}", r"\begin{document}", *body, r"\end{document}", ""]
    )


def _heading(text: str) -> str:
    """A heading goes into the PDF's outline as well, where hyperref wants no formulas."""
    return rf"\texorpdfstring{{{prose(text)}}}{{{escape(text.encode('ascii', 'ignore').decode())}}}"


def _document(document: Document, level: str) -> Iterator[str]:
    yield prose(document.summary)
    for part in numbered(document):
        yield rf"\{level}*{{{_heading(part.title)}}}\hypertarget{{{part.anchor}}}{{}}"
        yield rf"\addcontentsline{{toc}}{{{level}}}{{{_heading(part.title)}}}"
        for line in part.lines:
            yield from _statement(line)
    if document.references:
        yield rf"\{level}*{{References}}"
        yield from (r"\begin{itemize}", *(rf"\item {prose(str(one))}" for one in document.references), r"\end{itemize}")


def _statement(line: Line) -> Iterator[str]:
    it = line.statement
    yield rf"\statement{{{_mark(it.mark)}}}{{{line.number}}}{{{line.anchor}}}{prose(it.text)}"
    yield from (rf"\[\fit{{{formula(latex)}}}\]" for latex in it.formulas)
    if it.figure is not None:
        yield rf"\begin{{center}}\includegraphics{{{{{line.anchor}}}.pdf}}\end{{center}}"
    why = [prose(it.because)] if it.because else []
    if line.rests_on:
        why.append("(rests on " + ", ".join(rf"\hyperlink{{{id}}}{{{number}}}" for id, number in line.rests_on) + ")")
    if it.checker:
        why.append(f"Checked by {prose(it.checker)}" + (": " if it.details else "."))
    why.append("; ".join(prose(detail) for detail in it.details))
    if any(why):
        yield rf"\why{{{' '.join(part for part in why if part)}}}"


def _mark(mark: str) -> str:
    return rf"\textcolor{{{_COLOUR.get(mark, 'quiet')}}}{{{mark}}}"


def _symbols(symbols: Sequence[Symbol]) -> Iterator[str]:
    if symbols:
        yield from (r"\section*{Symbols}", r"\begin{longtable}{@{}lp{0.75\linewidth}@{}}")
        yield from (rf"${formula(symbol.latex)}$ & {prose(symbol.meaning)} \\" for symbol in symbols)
        yield r"\end{longtable}"


def _marks() -> Iterator[str]:
    yield from (r"\section*{What the marks mean}", r"\begin{longtable}{@{}lp{0.75\linewidth}@{}}")
    yield from (rf"{_mark(mark)} & {prose(meaning)} \\" for mark, meaning in MARKS.items())
    yield r"\end{longtable}"


def _reproduce(provenance: Provenance, source: str = "") -> Iterator[str]:
    yield from (r"\section*{Reproduce}", r"\begin{flushleft}\ttfamily\small")
    yield from (escape(line) + r"\\" for line in provenance.lines(source))
    yield r"\end{flushleft}"
