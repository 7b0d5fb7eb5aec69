"""Sub-commands of `ikun` that need no torch."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ..errors import IkunError
from .console import EXACT, REAL, as_json, emit, neuron_options, progress_bar, table

if TYPE_CHECKING:
    from rich.console import Console

    from ..gaussian.moment import Moment
    from ..gaussian.pairs.pair_moment import PairMoment


@click.command(short_help="Gaussian moments of a surrogate, proved and enclosed.")
@click.argument("spec")
@click.option("--mean", type=EXACT, required=True, help="Mean of X = H - θ. If H has mean 0, it is -θ.")
@click.option("--var", type=EXACT, required=True, help="Variance of X; 0 gives the value at the mean.")
@click.option("--of", default="fprime", show_default=True, help="fprime: the surrogate f'. f: its primitive.")
@click.option("--power", type=int, default=1, show_default=True, help="Power of f' (or f) inside the expectation.")
@click.option("--digits", type=int, default=17, show_default=True, help="Digits of the enclosure.")
@click.option("--explain", is_flag=True, help="Print the certificate: what was checked and how.")
@click.option("--with-correlation", type=EXACT, metavar="RHO", help="Instead E[f'(X) f'(X')], X' as X, correlation RHO.")
@as_json
def moment(
    spec: str,
    mean: Fraction,
    var: Fraction,
    of: str,
    power: int,
    digits: int,
    explain: bool,
    with_correlation: Fraction | None,
    as_json: bool,
) -> None:
    """Compute E[f'(X)^power], X ~ N(mean, var): closed form, proof status and rigorous enclosure."""
    from ..gaussian.moment import moment as compute

    if with_correlation is None:
        result = compute(spec, mean, var, of=of, power=power, digits=digits)
    else:
        from ..gaussian.pairs.pair_moment import pair_moment

        if (of, power) != ("fprime", 1):
            raise IkunError("--with-correlation is for the product f'(X) f'(X'); leave out --of and --power")
        result = pair_moment(spec, mean, var, with_correlation, digits=digits)
    document = result.to_dict()
    if explain:
        from ..gaussian.explain import conclusion

        document["certificate"] = {
            "status": result.status,
            "method": result.form.method,
            "assumptions": list(result.certificate.assumptions),
            "checks": [{"what": c.what, "how": c.how, "holds": c.holds} for c in result.certificate.checks],
            "conclusion": conclusion(result.form, result.status),
        }
    emit(document, as_json, lambda console: _show_moment(console, result, explain))


def _show_moment(console: Console, result: Moment | PairMoment, explain: bool) -> None:
    rows = [
        ("value", repr(result.value)),
        ("enclosure", f"{result.enclosure.mid} ± {result.enclosure.rad}"),
        ("form", result.form.text if result.form.expr is None else f"{result.form.kind}: {result.form.text}"),
        ("status", result.status + (f"  ({result.note})" if result.note else "")),
    ]
    console.print(table(f"{result.title}, {result.surrogate.spec}", ("", ""), rows))
    if explain:
        from ..gaussian.explain import lines

        for line in lines(result):
            console.print(line)


@click.command(short_help="Gaussian moments of f' and IKUN's gains at one threshold.")
@click.argument("spec")
@click.option("--threshold", type=EXACT, default="1", show_default=True, help="Firing threshold θ.")
@click.option("--std", type=EXACT, default="1", show_default=True, help="Standard deviation of the membrane potential.")
@click.option("--digits", type=int, default=17, show_default=True, help="Digits of the enclosures.")
@as_json
def constants(spec: str, threshold: Fraction, std: Fraction, digits: int, as_json: bool) -> None:
    """Compute E[f'(x)], E[f'(x)^2], E[f'(x)^4] for x = H - threshold, H ~ N(0, std^2), and IKUN's gains."""
    from ..schemes.constants import constants as compute

    result = compute(spec, threshold, std, digits=digits)
    rows: list[tuple[Any, ...]] = [
        (name, repr(m.value), f"± {m.enclosure.rad}", m.form.kind, m.status) for name, m in result.moments.items()
    ]
    rows += [
        ("firing rate", repr(result.rate), "", "", "Q(θ/σ)"),
        ("gain", repr(result.gain), "", "", "E[f'²]^(-1/2)"),
        ("gain, σ_X² = variance", repr(result.gain_variance), "", "", "of the spikes, p(1-p)"),
        ("gain, σ_X² = second moment", repr(result.gain_second_moment), "", "", "of the spikes, p"),
    ]
    title = f"{result.surrogate}, H ~ N(0, {result.std:g}²), threshold {result.threshold:g}"
    emit(
        result.to_dict(),
        as_json,
        lambda console: console.print(table(title, ("constant", "value", "", "form", "status"), rows)),
    )


@click.command(short_help="List the surrogates.")
@click.option(
    "--library",
    metavar="NAME",
    help="Only the functions of this library, under its own names and parameters, for example snntorch.",
)
@as_json
def surrogates(library: str | None, as_json: bool) -> None:
    """List the surrogates: derivative, parameters, area, peak, kind of closed form, equivalents in libraries.

    A second table lists the library functions that are not supported, each with the reason.
    """
    from ..gaussian.summary import summaries, unsupported

    with progress_bar("surrogates") as advance:
        found, apart = summaries(library, advance), unsupported(library)
    rows = [
        (
            s["name"],
            ", ".join(
                f"{name}={value:g}" if value is not None else f"{name} (required)" for name, value in s["parameters"].items()
            ),
            s["summary"],
            s["area"],
            "" if s["peak"] is None else s["peak"] if isinstance(s["peak"], str) else f"{s['peak']:.6g}",
            s["form"],
            "\n".join(s["equivalents"]),
        )
        for s in found
    ]
    columns = ("name", "parameters", "f'", "area", "peak", "E[f'²]", "equivalents")
    reasons = [(entry["name"], entry["version"], entry["reason"]) for entry in apart]

    def show(console: Console) -> None:
        console.print(table("Surrogates", columns, rows))
        if reasons:
            console.print(table("Not supported", ("name", "release", "reason"), reasons))

    emit({"surrogates": found, "unsupported": apart}, as_json, show)


@click.command(short_help="Variance, bias and slope of an initialisation scheme.")
@click.option("--scheme", required=True, help="NAME or NAME:PARAM=VALUE,…; an unknown name lists all schemes.")
@click.option("--fan-in", type=int, help="Inputs per neuron.")
@click.option("--fan-out", type=REAL, help="Neurons that each input feeds; default: fan-in.")
@click.option("--conv", metavar="IN,OUT,GROUPS,K,STRIDE", help="A 2-d convolution, instead of --fan-in.")
@click.option("--alpha", type=REAL, default="1", show_default=True, help="α of IKUN's Theorem 1.")
@click.option("--second-moment", type=REAL, help="E[X²] of the layer's input, if known (first layer).")
@click.option("--rate", type=REAL, help="Target firing rate; default: the scheme's own.")
@click.option("--steps", type=int, default=1, show_default=True, help="Time steps T.")
@neuron_options("leak", "synaptic_leak")
@click.option("--distribution", help="normal or uniform weights; default: the scheme's own.")
@as_json
@click.pass_context
def init(
    ctx: click.Context,
    scheme: str,
    fan_in: int | None,
    fan_out: float | None,
    conv: str | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Compute Var(W), standard deviation, uniform bound and bias of an initialisation scheme.

    If the scheme also sets the surrogate's slope, the slope is shown too.
    """
    from ..catalogue.schemes import SCHEMES, WEIGHTS
    from ..schemes.fan import Fan
    from ..schemes.initialise import init_variance

    if (fan_in is None) == (conv is None):
        raise IkunError("give either --fan-in (and --fan-out) or --conv in,out,groups,k,stride")
    if conv is not None and fan_out is not None:
        raise IkunError("--fan-out belongs to --fan-in; a convolution's follows from --conv")
    fan = Fan.of_convolution(*_five_integers(conv)) if conv is not None else Fan.of(fan_in or 0, fan_out)
    result = init_variance(scheme, fan, **settings)
    if result.needs_data:
        advice = SCHEMES[result.scheme].advice
        raise IkunError(f"scheme {result.scheme!r} needs data: {result.needs_data}; {advice}")
    given = {name for name in settings if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    unused = [name for name in sorted(given - {"distribution"}) if not SCHEMES[result.scheme].uses(name)]
    rows = [
        ("Var(W)", repr(result.variance)),
        ("standard deviation", repr(result.std)),
        ("uniform bound", repr(result.uniform_bound)),
        ("mean", repr(result.mean)),
        ("bias", f"U(±{result.bias_bound!r})" if result.bias_bound else repr(result.bias)),
        ("surrogate", result.surrogate + ("" if result.slope is None else f"  (slope {result.slope:.6g}, set by the scheme)")),
        ("amplitude", f"{float(result.bound.amplitude):.10g}"),
        ("weights", WEIGHTS[result.weights]),
        *([("not used", f"{', '.join(unused)}: no part of this scheme")] if unused else []),
        *_accounts(result.provenance),
    ]
    emit(
        result.to_dict() | {"not_used": unused},
        as_json,
        lambda console: console.print(table(f"Scheme {result.scheme}", ("", ""), rows)),
    )


def _accounts(provenance: dict[str, Any]) -> list[tuple[str, str]]:
    """Provenance as lines. A number with a known origin is shown with it."""
    rows = []
    for name, value in provenance.items():
        if isinstance(value, dict) and "from" in value:
            rows.append((name, f"{value['value']:.10g}  ({value['from']})"))
        elif isinstance(value, dict):
            errors = name == "se"  # standard errors, by the names of what they belong to
            rows += [(f"standard error of {n}" if errors else n, text) for n, text in _accounts(value)]
        else:
            rows.append((name, str(value)))
    return rows


def _five_integers(text: str) -> tuple[int, int, int, int, int]:
    try:
        a, b, c, d, e = (int(part) for part in text.split(","))
    except ValueError:
        raise IkunError(
            f"--conv {text!r} is not five integers; write in,out,groups,k,stride, for example 64,128,1,3,1"
        ) from None
    return a, b, c, d, e


@click.command(short_help="Write a surrogate as source code for your project.")
@click.argument("spec")
@click.option("--target", required=True, help="Target language; an unknown name lists all of them.")
@click.option("--out", required=True, metavar="DIR", help="Folder for the file; created if missing.")
@click.option(
    "--amplitude",
    metavar="A",
    help="The surrogate times this constant. unit: such that the gradient's factor per layer is 1 at the firing rate --rate, "
    "with the slope as given. Default: 1.",
)
@click.option("--rate", type=REAL, default="0.2", show_default=True, help="Firing rate, for --amplitude unit.")
@click.option("--threshold", type=REAL, default="1", show_default=True, help="Firing threshold θ, for --amplitude unit.")
@as_json
def export(spec: str, target: str, out: str, amplitude: str | None, rate: float, threshold: float, as_json: bool) -> None:
    """Write the surrogate's constants and functions as source code for your project."""
    from ..reading.neuron import resolve_surrogate
    from ..targets import TARGETS
    from ..targets import export as write

    _ = TARGETS[target]
    bound = resolve_surrogate(spec, amplitude)
    if bound.unit:
        from ..schemes.rate_targeted import design as compute

        bound = compute(rate, bound, threshold).bound
    path = write(bound, target, out)
    surrogate = spec if bound.surrogate.bare is None else bound.spec
    emit(
        {"file": str(path), "target": TARGETS[target].name, "surrogate": surrogate, "amplitude": float(bound.amplitude)},
        as_json,
        lambda console: console.print(f"wrote {path}"),
    )


@click.command(short_help="Weights and slope for a target firing rate.")
@click.option("--rate", type=REAL, required=True, help="Target firing rate of every layer.")
@click.option("--steps", type=int, default=1, show_default=True, help="Time steps T.")
@neuron_options()
@click.option("--fan-in", type=REAL, default=None, help="Inputs per neuron: also give the standard deviation of the weights.")
@click.option("--fan-ratio", type=REAL, default="1", show_default=True, help="fan_out/fan_in.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the sampling (several steps only).")
@as_json
def design(rate: float, as_json: bool, **settings: Any) -> None:
    """Rate-targeted critical initialisation: weights that hold a firing rate, and the slope that holds the gradient."""
    from ..schemes.rate_targeted import design as compute
    from .trade_off_table import print_trade_off

    if settings["seed"] < 0:
        raise IkunError(f"seed = {settings['seed']} is not allowed; it must be an integer of at least 0")
    with progress_bar("sampled runs") as advance:
        result = compute(rate, **settings, progress=advance if settings["steps"] > 1 else None)
    error = {name: f" ± {value:.1g}" for name, value in (result.se or {}).items()}
    rows = [
        ("fan_in · Var(W)", f"{result.n_var_w:.10g}{error.get('n_var_w', '')}"),
        *([("std of the weights", f"{result.std:.10g}")] if result.std is not None else []),
        (f"surrogate, {result.parameter} set", result.surrogate),
        *([("slope", f"{result.slope:.10g}{error.get('slope', '')}")] if result.slope is not None else []),
        ("amplitude", f"{result.amplitude:.10g}{error.get('amplitude', '')}"),
        ("std of the membrane potential", f"{result.sigma_h:.10g}{error.get('sigma_h', '')}"),
        ("forward slope", f"{result.forward_slope:.6g} ({'stable' if result.stable else 'unstable'})"),
    ]
    if result.steps > 1:
        rows.append(("firing rate per step", ", ".join(f"{p:.4f}" for p in result.rates)))
    if result.log_transient is not None:
        rows.append(
            ("gradient's growth before its factor is 1", f"e^{result.log_transient:.4g}{error.get('log_transient', '')}")
        )
    one = result.neuron
    title = f"Firing rate {rate:g} at threshold {one.threshold:g}, gradient factor 1 per layer"
    if result.steps > 1:
        title += f", {result.steps} steps, leak {one.leak:g}, {one.reset.spec} reset"

    def show(console: Console) -> None:
        console.print(table(title, ("", ""), rows))
        print_trade_off(console, result.trade_off)

    emit(result.to_dict(), as_json, show)


@click.command(short_help="Weight scales with stable forward and backward variance.")
@click.option("--surrogate", default="atan", show_default=True, metavar="SPEC")
@click.option("--threshold", type=REAL, default="1", show_default=True, help="Firing threshold θ.")
@click.option("--fan-ratio", type=REAL, default="1", show_default=True, help="fan_out/fan_in.")
@as_json
def joint(surrogate: str, threshold: float, fan_ratio: float, as_json: bool) -> None:
    """Find all weight scales at which forward and backward variance are both stable, and prove that there are no others."""
    from ..schemes.joint import joint as compute

    with progress_bar("joint: percent of all scales settled") as advance:
        result = compute(surrogate, threshold, fan_ratio=fan_ratio, advance=advance)
    rows = [
        (
            f"{s.sigma_h:.6g}",
            f"{s.rate:.6g}",
            f"{s.n_var_w:.6g}",
            f"{s.forward_slope:.4g}",
            "stable" if s.stable else "unstable",
        )
        for s in result.solutions
    ]
    where = "not attained" if result.min_c_at is None else f"at σ_H = {result.min_c_at:.6g}"
    title = f"Joint solutions, {result.surrogate}, threshold {threshold:g}"
    columns = ("σ_H", "rate", "fan_in·Var(W)", "forward slope", "")

    def show(console: Console) -> None:
        console.print(table(title, columns, rows) if rows else title)
        console.print(f"{result.conclusion}. inf C = {result.min_c:.6g}, {where}")

    emit(result.to_dict(), as_json, show)
