"""Small networks in plain torch, each written in several ways that mean the same. Nothing here is special to the diagnosis.

Every `Net` runs three layers of leaky integrate-and-fire neurons over [T, B, n] unless it says otherwise; the base class is the
way that the others are compared with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

THETA, LEAK, WIDTH, DEPTH = 0.6, 0.7, 48, 3


class Box(torch.autograd.Function):
    """1[x > 0], f' = 1 within ½."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return grad * (x.abs() < 0.5).to(x.dtype)


class BoxInside(torch.autograd.Function):
    """The same of a membrane; the threshold is a constant of the file, as in the code that is copied most."""

    @staticmethod
    def forward(ctx: Any, mem: Tensor) -> Tensor:
        ctx.save_for_backward(mem)
        return mem.gt(THETA).to(mem.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (mem,) = ctx.saved_tensors
        return grad * ((mem - THETA).abs() < 0.5).to(mem.dtype)


class BoxArgument(torch.autograd.Function):
    """The same with the threshold as an argument; height `tall`."""

    @staticmethod
    def forward(ctx: Any, mem: Tensor, theta: Any, tall: float = 1.0) -> Tensor:
        ctx.save_for_backward(mem - theta)
        ctx.tall = tall
        return tall * (mem > theta).to(mem.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        (x,) = ctx.saved_tensors
        return ctx.tall * grad * (x.abs() < 0.5).to(x.dtype), None, None


class Net(nn.Module):
    """`charge(v, i)`: the membrane; `fire(h)`; `after(h, s)`; `current(k, s)`: of layer k; each is what a twin writes anew."""

    gain = 3.0

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.width = width
        self.make()

    def make(self) -> None:
        self.fcs = nn.ModuleList(nn.Linear(self.width, self.width) for _ in range(DEPTH))
        with torch.no_grad():
            for fc in self.fcs:
                fc.weight.mul_(self.gain)

    def current(self, k: int, s: Tensor) -> Tensor:
        return self.fcs[k](s)

    def charge(self, v: Tensor, i: Tensor) -> Tensor:
        return LEAK * v + i

    def fire(self, h: Tensor) -> Tensor:
        return Box.apply(h - THETA)

    def after(self, h: Tensor, s: Tensor) -> Tensor:
        return h - THETA * s.detach()

    def rest(self, x: Tensor) -> Tensor:
        return torch.zeros(x.shape[0], self.width, dtype=x.dtype)

    def forward(self, x: Tensor) -> Tensor:
        v = [self.rest(x[0]) for _ in range(DEPTH)]
        out = []
        for s in x:
            for k in range(DEPTH):
                h = self.charge(v[k], self.current(k, s))
                s = self.fire(h)
                v[k] = self.after(h, s)
            out.append(s)
        return torch.stack(out)


class ThresholdInside(Net):
    def fire(self, h: Tensor) -> Tensor:
        return BoxInside.apply(h)


class ThresholdArgument(Net):
    def fire(self, h: Tensor) -> Tensor:
        return BoxArgument.apply(h, THETA)


class ThresholdTensor(Net):
    """One for each neuron, all alike."""

    def fire(self, h: Tensor) -> Tensor:
        return BoxArgument.apply(h, torch.full_like(h, THETA))


class ThresholdLearned(Net):
    def make(self) -> None:
        super().make()
        self.theta = nn.Parameter(torch.tensor(THETA))

    def fire(self, h: Tensor) -> Tensor:
        return Box.apply(h - self.theta)


class Normalised(Net):
    """x = h/θ − 1: f' is of the membrane in units of the threshold."""

    def fire(self, h: Tensor) -> Tensor:
        return Box.apply(h / THETA - 1)


class BatchFirst(Net):
    """[B, T, n]; the weights get all steps in one call."""

    def forward(self, x: Tensor) -> Tensor:
        for k in range(DEPTH):
            i, v, out = self.current(k, x), self.rest(x), []
            for t in range(x.shape[1]):
                h = self.charge(v, i[:, t])
                s = self.fire(h)
                v = self.after(h, s)
                out.append(s)
            x = torch.stack(out, dim=1)
        return x


class BatchFirstTurned(BatchFirst):
    """The same, turned to [T, B, n] behind the weights."""

    def forward(self, x: Tensor) -> Tensor:
        for k in range(DEPTH):
            v, out = self.rest(x), []
            for i in self.current(k, x).permute(1, 0, 2):
                h = self.charge(v, i)
                s = self.fire(h)
                v = self.after(h, s)
                out.append(s)
            x = torch.stack(out).transpose(0, 1)
        return x


class Kept(Net):
    """Weights kept [in, out]."""

    def make(self) -> None:
        super().make()
        self.ws = nn.ParameterList(nn.Parameter(fc.weight.detach().t().clone()) for fc in self.fcs)
        self.bs = nn.ParameterList(nn.Parameter(fc.bias.detach().clone()) for fc in self.fcs)
        del self.fcs

    def current(self, k: int, s: Tensor) -> Tensor:
        return s @ self.ws[k] + self.bs[k]


class KeptEinsum(Kept):
    def current(self, k: int, s: Tensor) -> Tensor:
        return torch.einsum("bi,io->bo", s, self.ws[k]) + self.bs[k]


class KeptAddmm(Kept):
    def current(self, k: int, s: Tensor) -> Tensor:
        return torch.addmm(self.bs[k], s, self.ws[k])


class CellOwned(Kept):
    """The cell owns its weights, [out, in]."""

    def make(self) -> None:
        super().make()
        self.ws = nn.ParameterList(nn.Parameter(w.detach().t().clone()) for w in self.ws)

    def current(self, k: int, s: Tensor) -> Tensor:
        return F.linear(s, self.ws[k], self.bs[k])


class WeightNorm(Net):
    def make(self) -> None:
        super().make()
        for fc in self.fcs:
            nn.utils.parametrizations.weight_norm(fc)


class Factor(Net):
    """f · (W x), with weights W/f."""

    factor = 0.25

    def make(self) -> None:
        super().make()
        with torch.no_grad():
            for fc in self.fcs:
                fc.weight.div_(self.factor)
                fc.bias.div_(self.factor)

    def current(self, k: int, s: Tensor) -> Tensor:
        return self.factor * self.fcs[k](s)


class Tall(Net):
    """Spikes of height c, with weights W/c from the second layer on."""

    tall = 0.5

    def make(self) -> None:
        super().make()
        with torch.no_grad():
            for fc in list(self.fcs)[1:]:
                fc.weight.div_(self.tall)

    def current(self, k: int, s: Tensor) -> Tensor:
        return self.fcs[k](s if k == 0 else self.tall * s)


class TallInside(Tall):
    """The function itself gives 0 and c."""

    def current(self, k: int, s: Tensor) -> Tensor:
        return self.fcs[k](s)

    def fire(self, h: Tensor) -> Tensor:
        return BoxArgument.apply(h, THETA, self.tall)

    def after(self, h: Tensor, s: Tensor) -> Tensor:
        return h - THETA * s.detach() / self.tall


class Decaying(Net):
    """v + (i − v)/τ."""

    def charge(self, v: Tensor, i: Tensor) -> Tensor:
        return v + (i - v) * (1 - LEAK)


class DecayingSplit(Net):
    """(1 − 1/τ) v + i/τ."""

    def charge(self, v: Tensor, i: Tensor) -> Tensor:
        return LEAK * v + i * (1 - LEAK)


class InPlace(Net):
    def forward(self, x: Tensor) -> Tensor:
        v = [self.rest(x[0]) for _ in range(DEPTH)]
        out = []
        for s in x:
            for k in range(DEPTH):
                h = self.fcs[k](s)
                h += LEAK * v[k]
                s = self.fire(h)
                v[k] = h - THETA * s.detach()
            out.append(s)
        return torch.stack(out)


class Forgotten(Net):
    """The state is detached between the steps, as in truncated backpropagation."""

    def charge(self, v: Tensor, i: Tensor) -> Tensor:
        return LEAK * v.detach() + i


class Delayed(Net):
    """The threshold is subtracted one step late, unleaked."""

    def charge(self, v: Tensor, i: Tensor) -> Tensor:
        return v + i

    def after(self, h: Tensor, s: Tensor) -> Tensor:
        return LEAK * h - THETA * s.detach()


class OldFirst(Delayed):
    """The same neuron; the spike of the old membrane is taken first, and sent one step later."""

    def forward(self, x: Tensor) -> Tensor:
        mem = [self.rest(x[0]) for _ in range(DEPTH)]
        out = []
        for s in x:
            for k in range(DEPTH):
                spike = Box.apply(mem[k] - THETA)
                mem[k] = LEAK * mem[k] + self.fcs[k](s) - THETA * spike.detach()
                s = spike
            out.append(s)
        return torch.stack(out)


class AskedTwice(Delayed):
    """The same neuron as snnTorch writes it: the reset asks the spike function again."""

    def forward(self, x: Tensor) -> Tensor:
        mem = [self.rest(x[0]) for _ in range(DEPTH)]
        out = []
        for s in x:
            for k in range(DEPTH):
                reset = Box.apply(mem[k] - THETA).detach()
                mem[k] = LEAK * mem[k] + self.fcs[k](s) - THETA * reset
                s = Box.apply(mem[k] - THETA)
            out.append(s)
        return torch.stack(out)


class Recurrent(Net):
    """fc(x) + rec(s)."""

    def make(self) -> None:
        super().make()
        self.recs = nn.ModuleList(nn.Linear(self.width, self.width, bias=False) for _ in range(DEPTH))

    def both(self, k: int, x: Tensor, s: Tensor) -> Tensor:
        return self.fcs[k](x) + self.recs[k](s)

    def forward(self, x: Tensor) -> Tensor:
        v, old = ([self.rest(x[0]) for _ in range(DEPTH)] for _ in range(2))
        out = []
        for s in x:
            for k in range(DEPTH):
                h = LEAK * v[k] + self.both(k, s, old[k])
                s = old[k] = self.fire(h)
                v[k] = self.after(h, s)
            out.append(s)
        return torch.stack(out)


class RecurrentFirst(Recurrent):
    def both(self, k: int, x: Tensor, s: Tensor) -> Tensor:
        return self.recs[k](s) + self.fcs[k](x)


class RecurrentLater(Recurrent):
    """Not called before there is a spike to send."""

    def both(self, k: int, x: Tensor, s: Tensor) -> Tensor:
        return self.recs[k](s) + self.fcs[k](x) if s.grad_fn is not None else self.fcs[k](x)


class Tied(Net):
    """The second and third layer have weights of the same values."""

    def make(self) -> None:
        super().make()
        self.fcs[2].load_state_dict(self.fcs[1].state_dict())


class UsedTwice(Net):
    """One layer of weights, used twice a step."""

    def current(self, k: int, s: Tensor) -> Tensor:
        return self.fcs[min(k, 1)](s)


class BatchNormed(Net):
    def make(self) -> None:
        super().make()
        self.bns = nn.ModuleList(nn.BatchNorm1d(self.width) for _ in range(DEPTH))

    def current(self, k: int, s: Tensor) -> Tensor:
        return self.bns[k](self.fcs[k](s))


class BatchNormFunction(Net):
    def current(self, k: int, s: Tensor) -> Tensor:
        return F.batch_norm(self.fcs[k](s), None, None, training=True)


class BatchNormByHand(Net):
    def current(self, k: int, s: Tensor) -> Tensor:
        y = self.fcs[k](s)
        return (y - y.mean(0)) / (y.var(0, unbiased=False) + 1e-5).sqrt()


class Dropped(Net):
    def current(self, k: int, s: Tensor) -> Tensor:
        return self.fcs[k](F.dropout(s, 0.25, training=self.training))


class Pooled(Net):
    def current(self, k: int, s: Tensor) -> Tensor:
        return self.fcs[k](F.avg_pool1d(s, 3, 1, 1))


class Adaptive(Net):
    """ALIF: the threshold rises by `beta` with each spike."""

    beta, rho, hard = 0.3, 0.8, False

    def forward(self, x: Tensor) -> Tensor:
        v, a = ([self.rest(x[0]) for _ in range(DEPTH)] for _ in range(2))
        out = []
        for s in x:
            for k in range(DEPTH):
                h = LEAK * v[k] + self.fcs[k](s) if self.hard else v[k] + self.fcs[k](s)
                s = self.asked(h, THETA + self.beta * a[k])
                v[k] = h * (1 - s.detach()) if self.hard else LEAK * h - THETA * s.detach()
                a[k] = self.rho * a[k] + s
            out.append(s)
        return torch.stack(out)

    def asked(self, h: Tensor, level: Tensor) -> Tensor:
        return Box.apply(h - level)


class AdaptiveHard(Adaptive):
    hard = True


class AdaptiveInside(Adaptive):
    def asked(self, h: Tensor, level: Tensor) -> Tensor:
        return BoxArgument.apply(h, level)


class Signs(torch.autograd.Function):
    """−1, 0 and 1."""

    @staticmethod
    def forward(ctx: Any, h: Tensor) -> Tensor:
        ctx.save_for_backward(h)
        return (h > THETA).to(h.dtype) - (h < -THETA).to(h.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (h,) = ctx.saved_tensors
        return grad * (((h - THETA).abs() < 0.5).to(h.dtype) + ((h + THETA).abs() < 0.5).to(h.dtype))


class Ternary(Net):
    """Spikes of both signs, from two questions about one membrane."""

    def fire(self, h: Tensor) -> Tensor:
        return Box.apply(h - THETA) - Box.apply(-h - THETA)


class TernaryAtOnce(Net):
    def fire(self, h: Tensor) -> Tensor:
        return Signs.apply(h)


class Unknown(Net):
    """A neuron that no registry holds: it leaks the more, the higher it stands."""

    def charge(self, v: Tensor, i: Tensor) -> Tensor:
        return LEAK * v * torch.exp(-0.1 * v * v) + i


def made(kind: type[Net], seed: int = 0, **settings: Any) -> Net:
    """With the weights of this seed: twins have the same."""
    torch.manual_seed(seed)
    return kind(**settings)


def time_first(x: Tensor) -> Tensor:
    return x


def batch_first(x: Tensor) -> Tensor:
    return x.transpose(0, 1)


Turn = Callable[[Tensor], Tensor]
