"""A closed form with the engine's certificate."""

from __future__ import annotations

from dataclasses import dataclass

from ikun_sym.gaussian.form import Certificate

from .claim import Finding, Refused, Standalone


@dataclass(frozen=True)
class Certified(Standalone):
    """Gets the status of its certificate. A certificate that is refuted, or has a failed check, is refused."""

    certificate: Certificate

    def check(self) -> Finding:
        certificate = self.certificate
        if certificate.status == "refuted" or not all(check.holds for check in certificate.checks):
            failed = "; ".join(check.what for check in certificate.checks if not check.holds)
            raise Refused(failed or certificate.status)
        mark = "proved" if certificate.proved else "agrees" if certificate.status == "enclosure-agrees" else "not shown"
        return Finding(mark, certificate.status, tuple(f"{check.what} — {check.how}" for check in certificate.checks))
