"""What each stage of the demo costs, from the record of its run.

    python -m benchmarks.demo_stages FOLDER

Where FOLDER holds no demo yet, it is run first, as `make demo` does it in `demo/`. CPU time is that of a stage's
process and all its children, without Prefect and its server; memory is that of the largest single process.
"""

import argparse
import sys
from pathlib import Path

from benchmarks.command_cost import measured
from benchmarks.tables import markdown
from flows.demo import last_run
from tasks.run import read_run

COLUMNS = ("stage", "images in", "out", "CPU s", "peak MiB")


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    if last_run(folder / "settings.yaml") is None:
        cost = measured([sys.executable, "-m", "flows", "demo", "--folder", str(folder)])
        print(f"The whole command: {cost.cpu_s:.0f} CPU s, {cost.wall_s:.0f} s.\n")
    print(table(folder))


def table(folder: Path) -> str:
    """A line for each stage of the last run; those that were skipped cost nothing, and say so."""
    path = last_run(folder / "settings.yaml")
    assert path is not None, f"{folder} holds no finished run of the demo"
    stages = read_run(path)["stages"]
    rows = [
        (
            stage["name"] if stage["outcome"] == "ran" else f"{stage['name']} ({stage['outcome']})",
            f"{stage['summary']['images_in']:,}",
            f"{stage['summary']['images_out']:,}",
            f"{stage['usage']['cpu_s']:.1f}",
            f"{stage['usage']['peak_rss_mib']:,.0f}",
        )
        for stage in stages
    ]
    used = [stage["usage"] for stage in stages]
    most_mib = max(usage["peak_rss_mib"] for usage in used)
    whole = ("all stages", "", "", f"{sum(usage['cpu_s'] for usage in used):.1f}", f"{most_mib:,.0f}")
    return markdown(COLUMNS, [*rows, whole])


if __name__ == "__main__":
    main()
