"""The glossary: what a formula holds is found, and means in each document what that document says."""

from __future__ import annotations

import pytest
import sympy as sp

from ikun_derivations import library
from ikun_derivations.document import Document
from ikun_derivations.symbols import LOCAL, MEANINGS, atoms, known, strangers, symbols, used_by
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.gaussian.form import latex
from tests.selection import spread


@pytest.mark.parametrize(
    ("formula", "found"),
    [
        (r"\sigma_X^2 = \sigma^2_X", [r"\sigma_X", "=", r"\sigma_X"]),
        (r"n_{\mathrm{in}}\, m_{2}^{2}", [r"n_{\mathrm{in}}", "m_2"]),
        (r"f'(x)^{2}", ["f", "x"]),
        (r"\operatorname{erfc}{\left(\frac{x}{2} \right)}", [r"\operatorname{erfc}", r"\frac", "x"]),
        (r"\text{where no symbol is} \begin{cases} a & b \end{cases}", ["a", "b"]),
        (r"K[t, s]", ["K", "t", "s"]),
    ],
)
def test_atoms(formula: str, found: list[str]) -> None:
    assert list(atoms(formula)) == [name for name in found if name != "="]


def written(formula: str, id: str = "test") -> Document:
    document = Document(id=id, title="t", summary="s")
    document.define("it", formula)
    return document


def test_what_nobody_explains_is_a_stranger() -> None:
    assert strangers(written(r"\operatorname{atan}{\left(x \right)} + \int_0^\infty \varphi")) == set()
    assert strangers(written(r"\mathbb{E}[f'(H_1)^2] = \frac{\chi}{2} \cdot 10^{-3}")) == set()
    assert strangers(written(r"\Xi + \mathfrak{A} + \theta_\Omega")) == {r"\Xi", r"\mathfrak", "A"}


def test_an_index_that_is_not_listed_counts_as_its_letter() -> None:
    assert known("H_1", "") is known("H", "")
    assert known("m_2", "") is not known("m_4", "")
    assert known("m_7", "") is None


@pytest.mark.parametrize("document", LOCAL)
def test_a_document_s_own_words_go_first(document: str) -> None:
    assert document in library.names()
    for name, meaning in LOCAL[document].items():
        symbol = known(name, document)
        assert symbol is not None
        assert symbol.meaning == meaning
        elsewhere = known(name, "")
        assert elsewhere is None or elsewhere.anchor != symbol.anchor


def test_anchors_are_unique() -> None:
    documents = ["", *library.names()]
    found = {symbol for document in documents for symbol in symbols(document).values()}
    assert len({symbol.anchor for symbol in found}) == len(found) > len(MEANINGS)


@pytest.mark.parametrize("name", spread(SURROGATES.names()))
def test_a_surrogate_s_parameters_are_explained(name: str) -> None:
    document = written(", ".join(latex(param.symbol) for param in SURROGATES[name].params) or "x", "gaussian-moments")
    assert strangers(document) == set()
    assert len(used_by(document)) == max(1, len(SURROGATES[name].params))


def test_names_of_several_letters_are_words() -> None:
    assert latex(sp.Symbol("grad_width")) == r"\mathrm{grad}_{\mathrm{width}}"
    assert latex(sp.Symbol("slope")) == r"\mathrm{slope}"
    assert latex(sp.Symbol("sigma_X")) == r"\sigma_{X}"
