"""More ways in which people write networks, each beside the plain one of `twins`; the networks keep their membranes, so that
autograd can be asked about them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .twins import DEPTH, LEAK, THETA, BatchFirst, Box, BoxInside, Kept, Net, OldFirst, Recurrent


class Shortcut(Net):
    """A membrane shortcut, h[k] + fc(s[k]), through one spike function for all layers."""

    gain = 1.5
    membranes: list[list[Tensor]]
    spikes: list[list[Tensor]]

    def forward(self, x: Tensor) -> Tensor:
        v: list[Any] = [0.0] * DEPTH
        self.membranes, self.spikes = ([[] for _ in range(DEPTH)] for _ in range(2))
        out = []
        for s in x:
            stream = self.fcs[0](s)
            for k in range(DEPTH):
                h = LEAK * v[k] + stream
                s = self.fires(k, h)
                self.membranes[k].append(h)
                self.spikes[k].append(s)
                v[k] = h - THETA * s.detach()
                if k + 1 < DEPTH:
                    stream = h + self.fcs[k + 1](s)
            out.append(s)
        return torch.stack(out)

    def fires(self, k: int, h: Tensor) -> Tensor:
        return Box.apply(h - THETA)


class Fires(nn.Module):
    def forward(self, h: Tensor, theta: float) -> Tensor:
        return Box.apply(h - theta)


class ShortcutModules(Shortcut):
    """The same, with a module of its own for each layer's spikes."""

    def make(self) -> None:
        super().make()
        self.neurons = nn.ModuleList(Fires() for _ in range(DEPTH))

    def fires(self, k: int, h: Tensor) -> Tensor:
        return self.neurons[k](h, THETA)


class Stacked(Net):
    """Weights step by step, then neurons over all steps (norse.Lift, and many loops)."""

    def forward(self, x: Tensor) -> Tensor:
        for fc in self.fcs:
            currents, v, out = torch.stack([fc(s) for s in x]), self.rest(x[0]), []
            for i in currents:
                h = self.charge(v, i)
                s = self.fire(h)
                v = self.after(h, s)
                out.append(s)
            x = torch.stack(out)
        return x


class Loud(Net):
    """Membranes are hundreds of times the threshold."""

    gain = 1500.0


class Faint(Net):
    """Nothing fires behind the first layer: what arrives there are the biases."""

    def make(self) -> None:
        super().make()
        with torch.no_grad():
            for fc in list(self.fcs)[1:]:
                fc.weight.mul_(0.05)
                fc.bias.mul_(0.3)


class FaintLayerByLayer(BatchFirst, Kept):
    """The same; one product holds the currents of all steps, and biases are added to it."""

    def make(self) -> None:
        super().make()
        with torch.no_grad():
            for weight, bias in list(zip(self.ws, self.bs, strict=True))[1:]:
                weight.mul_(0.05)
                bias.mul_(0.3)


class Forgetful(Net):
    """A leak of 0 that is written."""

    def charge(self, v: Tensor, i: Tensor) -> Tensor:
        return 0.0 * v + i


class ResetLast(Net):
    """What leaks, and the last spike with its gradient, are subtracted from the last membrane; the threshold is inside the
    function."""

    def forward(self, x: Tensor) -> Tensor:
        h: list[Any] = [self.rest(x[0]) for _ in range(DEPTH)]
        old: list[Any] = [self.rest(x[0]) for _ in range(DEPTH)]
        out = []
        for s in x:
            for k in range(DEPTH):
                h[k] = h[k] - ((1 - LEAK) * h[k] - self.fcs[k](s) + THETA * old[k])
                s = old[k] = BoxInside.apply(h[k])
            out.append(s)
        return torch.stack(out)


class LearnedStart(OldFirst):
    """The membrane starts at a parameter: before the first step it has a graph, but nothing has reached it."""

    def make(self) -> None:
        super().make()
        self.start = nn.Parameter(torch.full((self.width,), -0.1))

    def rest(self, x: Tensor) -> Tensor:
        return self.start.expand(len(x), -1)


class ByElement(Net):
    """No function that multiplies by weights is called; the layers keep their biases."""

    def current(self, k: int, s: Tensor) -> Tensor:
        return (s[:, None, :] * self.fcs[k].weight).sum(-1) + self.fcs[k].bias


class LoudlyRecurrent(Recurrent):
    """What comes back is hundreds of times what comes in."""

    def make(self) -> None:
        super().make()
        with torch.no_grad():
            for rec in self.recs:
                rec.weight.mul_(300)
