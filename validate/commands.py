"""The sub-commands `ikun validate` and `ikun claims`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ikun_sym.cli.answering import Answering
from ikun_sym.cli.console import REAL, as_json, emit, table
from ikun_sym.cli.model_flags import MODEL_FLAGS, WIDTH, described
from ikun_sym.errors import IkunError
from ikun_sym.files import write_atomically

from .progress import RESUME, run
from .quiet import quiet_libraries

if TYPE_CHECKING:
    from rich.console import Console

    from .cases.case import Case
    from .claims import Claim
    from .training.judging import TrainingVerdict
    from .verdicts.judge import Verdict

DIFFERS, INCONCLUSIVE = 1, 3

NETWORK_FLAGS = (
    *MODEL_FLAGS,
    click.Option(
        ["--distribution"],
        default="normal",
        show_default=True,
        help="Distribution of the weights: normal, uniform, row-centred, orthogonal or delta-orthogonal.",
    ),
    click.Option(
        ["--widths"],
        metavar="N,N,…",
        help="Widths of the input, layer 1, layer 2, …; a shorter list is repeated.",
    ),
)
"""If any of these is given, the claim is tested on that one network."""

RUN_FLAGS = (
    WIDTH,
    click.Option(["--batch"], type=int, default=64, show_default=True, help="Input samples per weight draw."),
    click.Option(
        ["--draws"],
        default="auto",
        show_default=True,
        help="Weight draws per network: a number, or auto (until the data decide).",
    ),
    click.Option(
        ["--tolerance"],
        type=REAL,
        default="0.05",
        show_default=True,
        help="Accepted distance from the claimed value, if the claim does not set its own.",
    ),
    click.Option(
        ["--confidence"],
        type=REAL,
        default="0.99",
        show_default=True,
        help="A verdict is wrong with probability at most 1 - confidence.",
    ),
    click.Option(["--device"], default="auto", show_default=True, help="auto, cpu or cuda."),
    click.Option(
        ["--dtype"],
        default="float32",
        show_default=True,
        help="float32, float64 or bfloat16. For bfloat16's rounding error see `ikun benchmark propagate --dtype bfloat16`.",
    ),
    click.Option(["--seed"], type=int, default=0, show_default=True),
    click.Option(
        ["--out"], metavar="DIR", help="Folder for records and page. Default: runs/CLAIM, runs/CLAIM-2, … (a new one)."
    ),
    RESUME,
    click.Option(["--data-dir"], metavar="DIR", help="Claims about training: folder of Fashion-MNIST. Default: $IKUN_DATA."),
    click.Option(["--budget"], type=REAL, metavar="SECONDS", help="Claims about training: no run is begun after so long."),
    click.Option(["--markdown"], metavar="FILE", help="Claims about training: write the table there. Default: in --out."),
)


@click.command(cls=Answering, params=[*NETWORK_FLAGS, *RUN_FLAGS], short_help="Test claims on deep random networks.")
@click.argument("claim", required=False)
@click.option("--all", "all_", is_flag=True, help="Test every claim on random networks; name `training` for the others.")
@click.option("--quick", is_flag=True, help="At most 16 draws per network; training: 16 pairs, on digits.")
@as_json
@click.pass_context
def validate(ctx: click.Context, claim: str | None, all_: bool, quick: bool, as_json: bool, **flags: Any) -> None:
    """Measure deep random networks, compare with theory, and give a verdict on CLAIM.

    CLAIM is an id, or a prefix of ids, from `ikun claims`.

    Without model flags, a claim is tested on its own networks. With any flag from --arch to --widths, it is tested on the one
    network that the flags describe. Claims about training (training.…) take --quick, --confidence, --device, --seed, --out,
    --resume, --data-dir, --budget and --markdown.

    Exit code 0: verdicts as expected. 1: a verdict contradicts the expected one. 3: inconclusive.
    """
    from .claims import CLAIMS, select
    from .training.claims import is_training

    if (claim is None) != all_:
        raise IkunError("name a claim, or give --all; ikun claims lists them")
    given = {name for name in flags if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    if claim is not None and is_training(claim):
        quiet_libraries()
        from .training.claims_command import validate_training

        ctx.exit(exit_code(validate_training(claim, given, {**flags, "quick": quick}, as_json)))
    claims = list(CLAIMS) if claim is None else select(claim)
    quiet_libraries()
    settings = _settings(flags, quick)
    from .verdicts.records import recorded, run_folder

    jobs = _jobs(claims, flags, given)
    out = run_folder(flags["out"], f"runs/{claim or 'all'}", resume=flags["resume"])
    architectures = [case.architecture for _, cases, _ in jobs for case in cases]
    with recorded(out, settings, architectures, resume=flags["resume"]) as (laboratory, made):
        verdicts = run(jobs, laboratory)
    _write(out, verdicts, made)
    documents = [verdict.to_dict() | {"files": str(out)} for verdict in verdicts]
    document = documents[0] if claim is not None and len(documents) == 1 else {"claims": documents}
    emit(document, as_json, lambda console: _show(console, verdicts, str(out)))
    ctx.exit(exit_code(verdicts))


@validate.answers
def answer(flags: dict[str, Any], given: set[str]) -> dict[str, Any]:
    """The verdict alone: no records, no page."""
    from .claims import select
    from .training.claims import is_training
    from .verdicts.judge import Laboratory, judge

    claim = flags["claim"]
    if claim is None or is_training(claim):
        raise IkunError("a sweep needs one claim about random networks; ikun claims lists them")
    quiet_libraries()
    jobs, laboratory = _jobs(select(claim), flags, given), Laboratory(_settings(flags, flags["quick"]))
    documents = [judge(c, cases, laboratory, expected=expected).to_dict() for c, cases, expected in jobs]
    return documents[0] if len(documents) == 1 else {"claims": documents}


def _jobs(claims: Sequence[Claim], flags: dict[str, Any], given: set[str]) -> list[tuple[Claim, list[Case], str | None]]:
    """What is judged: the claims' own networks, or the one that flags describe, of which nothing is expected."""
    own = bool(given & {option.name for option in NETWORK_FLAGS})
    return [(c, _own_case(c, flags) if own else _cases(c, flags, given), None if own else c.expected) for c in claims]


def _settings(flags: dict[str, Any], quick: bool) -> Any:
    from .networks.device import check_dtype, choose
    from .verdicts.judge import RunSettings

    draws = flags["draws"]
    if draws != "auto" and not draws.isdigit():
        raise IkunError(f"--draws {draws!r} is neither a number nor auto; write for example --draws 16")
    return RunSettings(
        batch=flags["batch"],
        draws=None if draws == "auto" else int(draws),
        most=16 if quick else None,
        tolerance=flags["tolerance"],
        confidence=flags["confidence"],
        device=choose(flags["device"]),
        dtype=check_dtype(flags["dtype"]),
        seed=flags["seed"],
    )


def _cases(claim: Claim, flags: dict[str, Any], given: set[str]) -> list[Case]:
    """The claim's own networks. A given --width applies to all of them."""
    from .networks.network import Architecture

    return claim.cases(Architecture(), **({"width": flags["width"]} if "width" in given else {}))


def _own_case(claim: Claim, flags: dict[str, Any]) -> list[Case]:
    """The network that the flags describe, with the weights of the claim's scheme unless the flags name others."""
    from .cases.case import Case, build, label
    from .networks.network import Architecture

    own: dict[str, Any] = {name: flags[name] for name in ("width", "distribution")} | {"widths": _widths(flags["widths"])}
    wanted = Architecture.of(**described(flags), **own, **claim.fields)
    if flags["gain"] is not None:
        wanted = replace(wanted, gain=flags["gain"])
        return [Case(label(wanted), wanted)]
    return [build(wanted, flags["scheme"] or claim.scheme, flags["alpha"], flags["second_moment"])]


def _widths(given: str | None) -> tuple[int, ...]:
    try:
        return tuple(int(text) for text in given.split(",")) if given else ()
    except ValueError:
        raise IkunError(f"--widths {given!r} is not a list of whole numbers; write for example --widths 512,256") from None


def _write(out: Path, verdicts: list[Verdict], made: dict[str, Any]) -> None:
    from .pages.claims_page import page
    from .verdicts.records import write_verdicts

    write_verdicts(out, verdicts)
    title = verdicts[0].claim.id if len(verdicts) == 1 else "Claims, measured"
    write_atomically(out / "report.html", page(title, [], verdicts, made))


def _show(console: Console, verdicts: list[Verdict], out: str) -> None:
    from .pages.lines import lines_of

    for verdict in verdicts:
        console.print(
            f"{verdict.claim.id}: {verdict.verdict}" + (f" (expected: {verdict.expected})" if verdict.expected else "")
        )
        console.print(verdict.claim.statement)
        console.print(verdict.claim.why)
        rows = [(l.case, l.claimed, l.predicted, l.measured, l.draws, l.verdict, l.note) for l in lines_of(verdict)]
        console.print(table("", ("network", "claimed", "predicted", "measured", "draws", "verdict", ""), rows))
    console.print(f"records and page: {out}")


def exit_code(verdicts: Sequence[Verdict | TrainingVerdict]) -> int:
    """0: as expected; 1: a verdict contradicts what was expected; 3: inconclusive. 1 beats 3."""
    if any(v.expected and v.verdict not in (v.expected, "inconclusive") for v in verdicts):
        return DIFFERS
    return INCONCLUSIVE if any(v.verdict == "inconclusive" for v in verdicts) else 0


@click.command(short_help="List the claims and their verdicts.")
@as_json
def claims(as_json: bool) -> None:
    """List every claim: id, statement, source, expected verdict, and the last verdict found under runs/."""
    from .claims import CLAIMS
    from .training.claims import TRAINING
    from .verdicts.records import last_verdicts

    last = last_verdicts("runs")
    found = [
        {
            "id": c.id,
            "statement": c.statement,
            "why": c.why,
            "source": c.source,
            "expected": c.expected,
            "last": last.get(c.id),
        }
        for c in (*CLAIMS, *TRAINING)
    ]
    rows = [(c["id"], c["statement"], c["source"], c["expected"], c["last"] or "not run here") for c in found]
    columns = ("claim", "statement", "source", "expected", "last verdict")
    emit(found, as_json, lambda console: console.print(table("Claims", columns, rows)))
