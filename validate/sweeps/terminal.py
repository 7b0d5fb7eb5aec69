"""A sweep on a terminal: cells by state while it runs, a table when it is done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ikun_sym.cli.console import progress, stderr, table

if TYPE_CHECKING:
    from rich.console import Console

    from .grid import Grid
    from .sweep import Progress, Sweep


def computed_in(out: Path, grid: Grid, **how: Any) -> Sweep:
    """With a bar, rows and page; an interruption says how to go on."""
    from .report import write
    from .sweep import carried_out

    with cells_bar() as told:
        try:
            found = carried_out(grid, out, **how, progress=told)
        except KeyboardInterrupt:
            stderr().print(f"stopped; the cells that are done are in {out}; --resume continues from there")
            raise
    write(found, out)
    return found


class cells_bar:
    """Cells by state, with the time left."""

    def __enter__(self) -> Progress:
        from rich.progress import TimeRemainingColumn

        self.bars = progress()
        self.bars.columns = (*self.bars.columns, TimeRemainingColumn())
        self.bars.start()
        task = self.bars.add_task("", total=None)

        def told(states: dict[str, int]) -> None:
            whole, done = sum(states.values()), states["done"] + states["failed"]
            words = ", ".join(f"{count} {state}" for state, count in states.items() if count)
            self.bars.update(task, completed=done, total=whole, description=words)

        return told

    def __exit__(self, *error: object) -> None:
        self.bars.stop()


def show(console: Console, found: Sweep, out: str) -> None:
    from .cells import Cells

    names = [axis.name for axis in found.axes]
    cells = Cells.of(found)
    columns = [measure.name for measure in cells.measures]
    done = [line for line in cells.lines if line.numbers]
    rows = [(*line.at.values(), *(_short(line.numbers.get(name)) for name in columns)) for line in done]
    console.print(table(f"ikun {found.command}", [*names, *columns], rows))
    for one in found.failed:
        console.print("failed: " + ", ".join(f"{name} = {one[name]}" for name in names) + f": {one['reason']}")
    console.print(f"{found.counted}; rows and page: {out}")


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
