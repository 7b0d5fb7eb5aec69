"""A neuron's dynamics and their derivatives as every engine runs them, read from its statement in the catalogue.

    c[t] = SYNAPSE(c[t−1], i[t]),  h[t] = charge(v[t−1], c[t], a[t−1]),  x[t] = h[t] − fires_at(a[t−1]),  s[t] = fire(x[t])
    v[t] = after(h[t], s[t], a[t−1]),  a[t] = adapt(a[t−1], h[t], s[t])

with c[−1] = v[−1] = a[−1] = 0, and c scaled by DECAYED_INPUT where asked for; a only where there is a second state. Backward,
from δs as the layers above see it:

    δx[t] = f'(x[t]) (δs[t] + ∂v/∂s δv[t] + ∂a/∂s δa[t])
    δh[t] = δx[t] + ∂v/∂h δv[t] + ∂a/∂h δa[t],  δv[t−1] = ∂h/∂v δh[t]
    δa[t−1] = −∂fires_at/∂a δx[t] + ∂h/∂a δh[t] + ∂v/∂a δv[t] + ∂a/∂a δa[t]
    δc[t] = ∂h/∂c δh[t] + ∂c/∂c δc[t+1],  δi[t] = ∂c/∂i δc[t]

where a detached reset drops ∂v/∂s. Where spikes go back into their own layer, i[t] ← i[t] + R s[t−1] and
δs[t] ← δs[t] + Rᵀ δi[t+1].
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import sympy as sp

from ikun_sym.catalogue import resets as words
from ikun_sym.reading.neuron import Neuron

VARIABLES = {symbol.name: symbol for symbol in (words.v, words.i, words.h, words.s, words.c, words.a)}


@dataclass(frozen=True, kw_only=True)
class Statement:
    """`smooth`: the output is f(x) instead of a spike."""

    neuron: Neuron
    smooth: bool = False

    @property
    def constants(self) -> dict[sp.Symbol, float]:
        return self.neuron.constants

    @property
    def adapts(self) -> bool:
        return self.neuron.adapts

    @cached_property
    def expressions(self) -> dict[str, sp.Expr]:
        """The statement and its partial derivatives, `dv_dh` for ∂after/∂h. Charge, synapse and scaling are linear:
        `back_…` are numbers. Those of the second state are there where it is."""
        rule, decay = self.neuron.reset.rule, words.DECAYED_INPUT if self.neuron.decay_input else words.i
        charge = rule.charge.subs(words.i, decay.subs(words.i, words.c))
        found = {
            "current": words.SYNAPSE,
            "charge": charge,
            "fires_at": rule.fires_at,
            "after": rule.after,
            "dv_dh": sp.diff(rule.after, words.h),
            "dv_ds": sp.S.Zero if self.neuron.detach else sp.diff(rule.after, words.s),
            "back_v": sp.diff(charge, words.v),
            "back_c": sp.diff(charge, words.c),
            "back_synapse": sp.diff(words.SYNAPSE, words.c),
            "back_i": sp.diff(words.SYNAPSE, words.i),
        }
        if rule.adapt is not None:
            found |= {
                "adapt": rule.adapt,
                "da_dh": sp.diff(rule.adapt, words.h),
                "da_ds": sp.diff(rule.adapt, words.s),
                "da_da": sp.diff(rule.adapt, words.a),
                "dv_da": sp.diff(rule.after, words.a),
                "raised": sp.diff(rule.fires_at, words.a),
                "back_a": sp.diff(charge, words.a),
            }
        return {name: sp.expand(expr) for name, expr in found.items()}
