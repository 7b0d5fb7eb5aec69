"""`report`: all or nothing, in every format, side by side or not, with an index whose links arrive."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ikun_derivations import library, report
from ikun_derivations.document import DerivationError, Document
from ikun_derivations.render import FORMATS
from ikun_derivations.symbols import strangers
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.errors import IkunError, NoSolutionError, UnknownNameError
from ikun_sym.processes import in_parallel
from tests.derivations.render.pages import check_page
from tests.derivations.render.sample_document import a, sample

NAMES = library.names()
INDEX = {"html": ["index.html"], "markdown": ["README.md"], "latex": ["index.tex"], "json": ["index.json"]}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library without the work of its documents; what they build is tested elsewhere."""
    monkeypatch.setattr(library, "parts", lambda name: [None])
    monkeypatch.setattr(library, "build", lambda name, part: Document(id=name, title=name, summary="short"))


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("format_", FORMATS)
def test_report_writes_all(tmp_path: Path, format_: str) -> None:
    files = report(format=format_, out=tmp_path / "new" / "folder", workers=1)
    suffix = FORMATS[format_].suffix
    assert [file.name for file in files] == [name + suffix for name in NAMES] + INDEX[format_]
    assert sorted(tmp_path.rglob("*.*")) == sorted(files)  # and nothing else: no temporary file


@pytest.mark.usefixtures("quick")
def test_what_is_named_twice_is_written_once_in_the_order_given(tmp_path: Path) -> None:
    chosen = [NAMES[1], NAMES[0], NAMES[1]]
    files = report(chosen, out=tmp_path, workers=1)
    assert [file.name for file in files] == [f"{NAMES[1]}.html", f"{NAMES[0]}.html", "index.html"]
    for file in files:
        check_page(file.read_text(encoding="utf-8"), frozenset(f.name for f in files))


def test_report_lists_unknown_names(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean theorem-1"):
        report(["theorem-2"], out=tmp_path / "out")
    with pytest.raises(UnknownNameError, match=", ".join(sorted(NAMES))):
        report(["zzz"], out=tmp_path / "out")
    with pytest.raises(UnknownNameError, match=", ".join(sorted(FORMATS))):
        report(["theorem-1"], format="zzz", out=tmp_path / "out")
    with pytest.raises(UnknownNameError, match="did you mean markdown"):
        report(["theorem-1"], format="markdwn", out=tmp_path / "out")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("workers", [1, 2])
def test_nothing_is_written_when_a_step_fails(workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even the documents that are fine, nor over the pages of an earlier run; the error arrives as itself."""
    monkeypatch.setattr(library, "parts", lambda name: [None])
    monkeypatch.setattr(library, "build", lambda name, part: sample(name))
    files = report(NAMES[:2], out=tmp_path, workers=1)
    kept = {file: file.read_text(encoding="utf-8") for file in files}

    def broken(name: str, part: None) -> Document:
        document = sample(name)
        if name == NAMES[1]:
            document.step("planted", a, -a)
        return document

    monkeypatch.setattr(library, "build", broken)
    with pytest.raises(DerivationError, match=rf"{NAMES[1]}.*'planted' does not hold"):
        report(NAMES[:2], out=tmp_path, workers=workers)
    assert {file: file.read_text(encoding="utf-8") for file in tmp_path.iterdir()} == kept


@pytest.mark.usefixtures("quick")
def test_an_interrupted_write_leaves_the_old_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report(["theorem-1"], out=tmp_path)
    old = {file.name: "old" for file in tmp_path.iterdir()}
    for name, text in old.items():
        (tmp_path / name).write_text(text, encoding="utf-8")

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(IkunError, match="No space left"):
        report(["theorem-1"], out=tmp_path)
    assert {file.name: file.read_text(encoding="utf-8") for file in tmp_path.iterdir()} == old


def test_the_pages_do_not_depend_on_how_many_build_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes, one of them building a document in parts, against one."""
    names = ["theorem-1", "gaussian-moments"]
    few = [list(SURROGATES.names()).index(name) for name in ("zero", "linear", "sign")]  # the quickest
    monkeypatch.setattr(library, "parts", lambda name: few if name == "gaussian-moments" else [None])
    monkeypatch.setattr(library, "_provenance", lambda *_: library.Provenance("the same", {}, None))
    one, two = tmp_path / "one", tmp_path / "two"
    told: list[tuple[int, int]] = []
    for folder, workers in ((one, 1), (two, 2)):
        report(names, out=folder, workers=workers, advance=lambda done, of: told.append((done, of)))
    assert told == [(done, 4) for done in range(5)] * 2
    for file in one.iterdir():
        assert file.read_text(encoding="utf-8") == (two / file.name).read_text(encoding="utf-8")


ERRORS = (
    lambda: DerivationError("d", "s", "the text", "the reason"),
    lambda: UnknownNameError("thing", "abc", ["abd"]),
    lambda: NoSolutionError("here", "the reason", "do that"),
)


def _fail(kind: int) -> None:
    raise ERRORS[kind]()


@pytest.mark.parametrize("kind", range(len(ERRORS)))
def test_errors_travel_between_processes(kind: int) -> None:
    """As what they are, with all they carry."""
    sent = ERRORS[kind]()
    with pytest.raises(type(sent)) as caught:
        in_parallel(_fail, [kind, kind], 2, lambda done, of: None)
    assert str(caught.value) == str(sent)
    assert vars(caught.value) == vars(sent)


def _slow_or_failing(item: Path | None) -> None:
    if item is None:
        raise IkunError("at once")
    time.sleep(60)
    item.touch()


def test_a_failure_ends_the_others(tmp_path: Path) -> None:
    """None of them comes to its end."""
    with pytest.raises(IkunError, match="at once"):
        in_parallel(_slow_or_failing, [tmp_path / "1", None, tmp_path / "2", tmp_path / "3"], 2, lambda done, of: None)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_every_derivation_in_every_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole set, built once: pages that stand alone, whose links arrive, whose symbols are explained."""
    built = library._all(NAMES, None, lambda done, of: None)
    by_name = {document.id: document for document in built}
    assert {document.id: strangers(document) for document in built} == {name: set() for name in NAMES}
    monkeypatch.setattr(library, "parts", lambda name: [None])
    monkeypatch.setattr(library, "build", lambda name, part: by_name[name])
    for format_ in FORMATS:
        report(format=format_, out=tmp_path / format_, workers=1)
    texts = {file.name: file.read_text(encoding="utf-8") for file in (tmp_path / "html").iterdir()}
    pages = {name: check_page(text, frozenset(texts)) for name, text in texts.items()}
    for name, page in pages.items():
        for reference in page.references:
            file, _, target = reference.partition("#")
            assert not (file and target) or target in pages[file].ids, f"{name} links to {reference}"
