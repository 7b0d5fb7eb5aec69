"""The spikes of a layer as whole numbers, whatever their sign and height."""

from __future__ import annotations

import torch
from torch import Tensor

from .recorder import Call
from .spike_function import in_levels, unit_of


def counted(calls: list[Call]) -> tuple[Tensor, float, str]:
    """(counts [T, …], height of one spike, why they are not 0 and 1, once a step, "" if they are): of another height, several
    at once, of two signs, or held back after they were asked for."""
    sent = _sent(calls) if all(call.sent is not None for call in calls) else None
    signed = any(call.others for call in calls)
    # as a rule a library gives all steps as one tensor: no need to put them together again
    whole = sent is not None and not signed and all(map(torch.equal, sent, (call.counts for call in calls)))
    counts = sent if sent is not None and whole else torch.stack([call.counts for call in calls])
    height, plain = 1.0, torch.equal(counts * counts, counts)
    if not plain:
        height = unit_of(counts)
        signed, counts = signed or bool((counts < 0).any()), counts.abs() / height
    if signed:
        return counts, height, "it sends spikes of both signs"
    if not plain and (most := float(counts.max())) > 1:
        return counts, height, f"it sends up to {most:.0f} spikes at once"
    if sent is None or whole or torch.equal(sent, counts) or not in_levels(sent):
        return counts, height, ""
    if bool(((sent == 0) & (counts != 0)).any()) and not bool(((sent != 0) & (counts == 0)).any()):
        return (sent != 0).to(counts.dtype), height, "it holds back some of the spikes that its membrane asks for"
    return counts, height, ""


def _sent(calls: list[Call]) -> Tensor:
    """[T, …]: what the layer gives to others."""
    found = [call.sent.detach() for call in calls if call.sent is not None]
    if len(calls) == len(found[0]) and all(call.step == step and call.sent is calls[0].sent for step, call in enumerate(calls)):
        return found[0]
    return torch.stack([one if call.step is None else one[call.step] for one, call in zip(found, calls, strict=True)])
