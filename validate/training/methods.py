"""The protocol in words: what a page says of how its numbers were found, each point with its source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .recipe import LOSSES, OPTIMIZERS, SCHEDULES

if TYPE_CHECKING:
    from .experiment import Plan
    from .trial import Trial


def methods(plan: Plan, trial: Trial) -> list[tuple[str, str]]:
    """(point, what is done)."""
    recipe, looks = trial.recipe, ", ".join(map(str, plan.looks))
    budget = (
        f"each initialisation gets {plan.rates} log-spaced quasi-random rates on seeds that no comparison uses; the range is "
        "widened while a best rate lies at its edge, and the others then get as many more (Bergstra & Bengio 2012, JMLR 13:281)"
    )
    return [
        (
            "Pairs",
            "one seed gives all initialisations the same split, order of the data and Gaussian numbers of the weights, which "
            "each scheme scales",
        ),
        (
            "Time to learn",
            f"epochs until the training accuracy is {plan.targets[0]:g}, over the batches since the last look, as the network "
            "saw them before each step, looked at every quarter epoch. A run that never gets there, or gives NaN, counts the "
            f"budget of {recipe.epochs} epochs: restricted mean time (Royston & Parmar 2013, doi:10.1186/1471-2288-13-152)",
        ),
        (
            "Verdict",
            "from the interval of the ratio of restricted mean epochs, Fieller's for pairs (Fieller 1954, JRSS B 16:175): "
            f"better if it lies below 1, worse if above, equivalent if within a factor of {1 + plan.margin:g}, else "
            "inconclusive; where no run of either gets to the target, from the interval of the difference of test accuracies",
        ),
        (
            "Error",
            f"{1 - plan.confidence:.2g} in all, over {len(plan.trials) - 1} comparisons, {len(plan.looks)} looks, times "
            "and accuracies (Bonferroni), and halved for values that are not normal: the largest of many ratios may be quoted",
        ),
        (
            "Number of pairs",
            f"after {looks} pairs, until the comparison is decided" if plan.pairs is None else f"{plan.pairs}, fixed before",
        ),
        ("Learning rate", f"{recipe.rate:g} for all, untuned" if plan.rates is None else budget),
        (
            "Test",
            "the test part is used once, on the last weights; validation is watched, and decides only which weights are kept",
        ),
        ("Optimiser", f"{recipe.optimizer}: {OPTIMIZERS[recipe.optimizer].source}"),
        ("Schedule", f"{recipe.schedule}: {SCHEDULES[recipe.schedule].source or 'no change'}"),
        ("Loss", f"{recipe.loss}: {LOSSES[recipe.loss].source}"),
    ]
