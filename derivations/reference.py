"""The sources that derivations cite, one statement each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """`where`: a permanent address, such as an arXiv id, a DOI, or a section of a handbook."""

    authors: str
    year: int
    title: str
    where: str

    def __str__(self) -> str:
        return f"{self.authors} {self.year}, {self.title}, {self.where}"


IKUN = Reference(
    "Chang, Wang & Yang",
    2024,
    "IKUN: Initialization to Keep snn training and generalization great with sUrrogate-stable variaNce",
    "arXiv:2411.18250",
)
CHERNOFF = Reference(
    "Chernoff", 1981, "A note on an inequality involving the normal distribution", "doi:10.1214/aop/1176994428"
)
CACOULLOS = Reference(
    "Cacoullos",
    1982,
    "On upper and lower bounds for the variance of a function of a random variable",
    "doi:10.1214/aop/1176993788",
)
GORDON = Reference(
    "Gordon",
    1941,
    "Values of Mills' ratio of area to bounding ordinate and of the normal probability integral for large values of the "
    "argument",
    "doi:10.1214/aoms/1177731721",
)
SAMPFORD = Reference("Sampford", 1953, "Some inequalities on Mill's ratio and related functions", "doi:10.1214/aoms/1177729093")
DLMF = Reference("DLMF", 2024, "NIST Digital Library of Mathematical Functions", "https://dlmf.nist.gov")
HANIN_NICA = Reference(
    "Hanin & Nica",
    2020,
    "Products of many large random matrices and gradients in deep neural networks",
    "arXiv:1812.05994",
)
SHATTERED = Reference(
    "Balduzzi, Frean, Leary, Lewis, Ma & McWilliams",
    2017,
    "The shattered gradients problem: if resnets are the answer, then what is the question?",
    "arXiv:1702.08591",
)
