"""Measure, print the table, draw the picture; exit 1 if a "must" is missed."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.bench import LONGEST, ROOT, Bench, interleaved, running
from tests.benchmarks.worker import BATCH

PICTURE = ROOT / "docs" / "speed.png"
POSTGRES = "postgresql://postgres@127.0.0.1:5432/postgres"
SOURCE_ROWS = 500_000
SOURCE = (
    f"SELECT 79000000000 + i AS phone, repeat('ж', 85) AS text FROM generate_series(1, {SOURCE_ROWS}) AS series (i)"  # noqa: S608
)
LATENCIES = (0, 5, 20, 50, 100, 200)
WINDOWS = (1, 4, 16)
RATE = 1_000


class Row(NamedTuple):
    """
    One line of the table.

    :param measure: What was measured.
    :param against: What it is compared with.
    :param value: The figure.
    :param must: What it must reach.
    :param aim: What we want it to reach.
    :param at_least: True where more is better.
    :param unit: What stands behind the figure.
    """

    measure: str
    against: str
    value: float
    must: float
    aim: float
    at_least: bool = False
    unit: str = "×"

    def reaches(self, bound: float) -> bool:
        """Tell whether the figure is on the right side of a bound."""
        return self.value >= bound if self.at_least else self.value <= bound

    def line(self) -> str:
        """Return the line of the table."""
        sign = "≥" if self.at_least else "≤"
        verdict = "aim" if self.reaches(self.aim) else "must" if self.reaches(self.must) else "MISSED"
        figures = (f"{sign} {bound:g}{self.unit}" for bound in (self.must, self.aim))
        return f"| {' | '.join([self.measure, self.against, f'{self.value:.3g}{self.unit}', *figures, verdict])} |"


def measure_speed(bench: Bench, rounds: int) -> None:
    """Take what is compared with the naive way, the bound and the floor."""
    send = partial(bench.take, case="send", database=bench.database, folder=str(bench.folder))
    interleaved(
        rounds,
        [
            partial(bench.take, "naive 20 ms", "naive", url=bench.url(20), messages=200),
            partial(send, "1 in flight, 20 ms", url=bench.url(20), messages=50_000, in_flight=1),
            partial(send, "4 in flight, 20 ms", url=bench.url(20), messages=200_000, in_flight=4),
            partial(send, "1 in flight, 100 ms", url=bench.url(100), messages=25_000, in_flight=1),
            partial(send, "4 in flight, 100 ms", url=bench.url(100), messages=100_000, in_flight=4),
            partial(send, "4 in flight, 0 ms", url=bench.url(0), messages=200_000, in_flight=4),
            *(
                partial(
                    send,
                    f"{RATE}/s, {window} in flight",
                    url=bench.url(20),
                    messages=8 * RATE,
                    in_flight=window,
                    rate=RATE,
                )
                for window in WINDOWS
            ),
            partial(bench.take, "floor 20 ms", "floor", url=bench.url(20), messages=50_000),
            partial(
                bench.time_import, "bases", "from airflow.providers.common.compat.sdk import BaseHook, BaseOperator"
            ),
            partial(bench.time_import, "operator", "import airflow_provider_mysmpp.operators.mysmpp"),
        ],
    )


def measure_size(bench: Bench, rounds: int) -> None:
    """Take what must not grow with the list."""
    send = partial(bench.take, case="send", url=bench.url(0), database=bench.database, folder=str(bench.folder))
    interleaved(
        rounds,
        [
            partial(send, "10,000 messages", messages=10_000, in_flight=4),
            partial(send, "100,000 messages", messages=100_000, in_flight=4),
            partial(send, "1,000,000 messages", messages=LONGEST, in_flight=4),
            partial(bench.take, "postgres", "source", connection=POSTGRES, query=SOURCE),
        ],
    )
    bench.take("wire", "wire", database=bench.database, messages=BATCH)
    for _ in range(8):  # an import is short, so its noise is large
        bench.time_import("bases", "from airflow.providers.common.compat.sdk import BaseHook, BaseOperator")
        bench.time_import("operator", "import airflow_provider_mysmpp.operators.mysmpp")


def table(bench: Bench) -> Iterator[Row]:
    """Yield the lines of the table."""
    naive = bench.rate("naive 20 ms", 200)
    one, four = bench.rate("1 in flight, 20 ms", 50_000), bench.rate("4 in flight, 20 ms", 200_000)
    slow_one, slow_four = bench.rate("1 in flight, 100 ms", 25_000), bench.rate("4 in flight, 100 ms", 100_000)
    own = bench.rate("4 in flight, 0 ms", 200_000)
    yield Row("messages/s, 1 in flight, 20 ms", "one request a recipient", one / naive, 200, 350, at_least=True)
    yield Row("messages/s, 4 in flight, 20 ms", "one request a recipient", four / naive, 500, 900, at_least=True)
    yield Row("messages/s, 4 in flight, 100 ms", "1 in flight", slow_four / slow_one, 3, 3.8, at_least=True)
    bound = min(4 * BATCH / 0.1, own)
    yield Row("messages/s, 4 in flight, 100 ms", "the bound", slow_four / bound, 0.75, 0.9, at_least=True)
    floor = bench.ratio("cpu", "1 in flight, 20 ms", "floor 20 ms")
    yield Row("CPU per message", "ready payloads, requests, stdlib JSON", floor, 6, 4)
    growth = bench.ratio("cpu", "1,000,000 messages", "100,000 messages") / 10
    yield Row("CPU per message at 1,000,000", "at 100,000", growth, 1.35, 1.15)
    peak = bench.median("1,000,000 messages", "peak") - bench.median("10,000 messages", "peak")
    yield Row("peak memory of 1,000,000", "of 10,000", peak, 32, 8, unit=" MiB")
    yield Row(f"Postgres, {SOURCE_ROWS:,} rows read", "before", bench.median("postgres", "growth"), 10, 4, unit=" MiB")
    held = [bench.rate(f"{RATE}/s, {window} in flight", 8 * RATE) / RATE for window in WINDOWS]
    windows = ", ".join(map(str, WINDOWS))
    off = max(abs(rate - 1) * 100 for rate in held)
    yield Row(f"messages_per_second, {windows} in flight", "what was asked", off, 5, 5, unit=" % off")
    yield Row(
        "bytes on the wire",
        "requests.post(json=…)",
        bench.median("wire", "ours") / bench.median("wire", "theirs"),
        0.6,
        0.54,
    )
    yield Row(
        "import of the operator", "BaseOperator and BaseHook", bench.ratio("seconds", "operator", "bases"), 1.05, 1.02
    )


def draw(bench: Bench, path: Path) -> None:
    """Draw messages a second over latency, with the bound of each window as a line."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    naive = [_naive_rate(bench, latency) for latency in LATENCIES]
    rates = {window: [_rate(bench, window, latency) for latency in LATENCIES] for window in WINDOWS}
    own = max(series[0] for series in rates.values())
    figure, axes = plt.subplots(figsize=(8, 5), dpi=130, layout="constrained")
    axes.plot(LATENCIES, naive, "o-", color="0.55", label="one request a recipient")
    for window, color in zip(WINDOWS, ("#2f6db3", "#2b8a5a", "#c2571a"), strict=True):
        axes.plot(LATENCIES, rates[window], "o-", color=color, label=f"{window} in flight")
        bounds = [min(window * BATCH / (latency / 1000), own) if latency else own for latency in LATENCIES]
        axes.plot(LATENCIES, bounds, "--", color=color, linewidth=1, alpha=0.6)
    axes.plot([], [], "--", color="0.3", linewidth=1, label="bound: window × batch ÷ latency, or own rate")
    axes.set(yscale="log", xlabel="latency of the gateway, ms", ylabel="messages a second")
    axes.set_title(f"A send of SQL rows in batches of {BATCH}, results to a file")
    axes.grid(visible=True, which="both", alpha=0.25)
    axes.legend(frameon=False)
    figure.savefig(path)


def _rate(bench: Bench, window: int, latency: int) -> float:
    name, messages = f"{window} in flight, {latency} ms, for the picture", min(100_000, 20_000 * window)
    bench.take(
        name,
        "send",
        url=bench.url(latency),
        database=bench.database,
        messages=messages,
        in_flight=window,
        folder=str(bench.folder),
    )
    return bench.rate(name, messages)


def _naive_rate(bench: Bench, latency: int) -> float:
    name = f"naive, {latency} ms, for the picture"
    bench.take(name, "naive", url=bench.url(latency), messages=50)
    return bench.rate(name, 50)


def facts() -> str:
    """Return what a reader must know of the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, {system}"


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds (default: %(default)s)")
    parser.add_argument("--no-picture", action="store_true", help="leave the picture as it is")
    arguments = parser.parse_args()
    with running() as bench:
        measure_speed(bench, arguments.rounds)
        measure_size(bench, arguments.rounds)
        rows = list(table(bench))
        if not arguments.no_picture:
            draw(bench, PICTURE)
    print(f"{facts()}; medians of {arguments.rounds} interleaved rounds\n")
    print("| measure | against | measured | must | aim | reached |\n|---|---|---|---|---|---|")
    for row in rows:
        print(row.line())
    missed = [row.measure for row in rows if not row.reaches(row.must)]
    if missed:
        print(f"\nmissed: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
