"""The architectures' statements: texts that name them, their geometry, their gains."""

from __future__ import annotations

import pytest

from ikun_sym.catalogue.architectures import ARCHITECTURES, parse_architecture
from ikun_sym.errors import IkunError

TEXTS = (
    "dense",
    "conv1d:size=16,kernel=5,stride=2,padding=circular,pool=max,every=2",
    "conv2d:groups=4,norm=tdbn",
    "residual:kind=ms,scaling=depth,rate=0.25",
    "recurrent:recurrent_gain=1.5,autapses=false",
)


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_names_what_it_says(text: str) -> None:
    assert parse_architecture(text).spec == text


@pytest.mark.parametrize("name", ARCHITECTURES.names())
def test_every_name_alone_is_an_architecture(name: str) -> None:
    assert parse_architecture(name) == ARCHITECTURES[name]()
    assert parse_architecture(name).spec == name


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dens", "did you mean dense"),
        ("conv2d:siz=3", "did you mean size"),
        ("conv2d:size=2", "at least the kernel's 3"),
        ("conv1d:kernel=4", "an odd number"),
        ("conv2d:pool=mean", "none or average or max"),
        ("dense:a=1", "has no parameters"),
        ("recurrent:autapses=maybe", "true or false"),
        ("recurrent:recurrent_gain=-1", "zero or a positive number"),
        ("conv1d:size=8,size=9", "sets size twice"),
        ("conv1d:size", "is not param=value"),
        ("residual:rate=1", "between 0 and 1"),
        ("conv1d:size=8.5", "a whole number"),
        ("conv1d:stride=__import__('os')", "not a finite number"),
    ],
)
def test_a_wrong_text_is_refused_in_one_line(text: str, words: str) -> None:
    with pytest.raises(IkunError) as error:
        parse_architecture(text)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_stride_and_pools_stop_before_the_kernel_is_wider_than_what_they_leave() -> None:
    layers = parse_architecture("conv1d:size=33,kernel=3,stride=2,pool=max,every=2").layers(8)  # type: ignore[attr-defined]
    # 33 → 17 neurons → 8 after the pool; 8 → 4 → 2 would be narrower than the kernel
    assert [(one.size, one.after, one.output) for one in layers[:4]] == [(33, 33, 33), (33, 17, 8), (8, 8, 8), (8, 8, 8)]
    assert all(one.stride == 1 and one.pool == "none" for one in layers[2:])
