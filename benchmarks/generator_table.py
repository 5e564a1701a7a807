"""The table of what `generator_quality` measured: `python -m benchmarks.generator_table FOLDER`."""

import json
import sys
from pathlib import Path
from typing import Any


def table(folder: Path) -> list[str]:
    """Lines of Markdown: all that a folder holds, real images last."""
    head = ["run", "seed", "images seen", "CPU s", "peak MiB", "accuracy", "lowest class", "precision", "recall"]
    head += ["coverage", "Fréchet distance", "alarms", "load"]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*-*.json"))]
    for about in found:
        cells = [about["name"], about["seed"], f"{about['images_seen']:,}", f"{about['cpu_seconds']:.0f}"]
        cells += [about["peak_mib"], *_numbers(about["synthetic"]), len(about["alarms"])]
        lines.append(_row([*cells, f"{about['load_before']} to {about['load_after']}"]))
    if found:
        lines.append(_row(["real training images", "", "", "", "", *_numbers(found[0]["real"]), "", ""]))
        lines += ["", f"n = {found[0]['n']} of each kind; {found[0]['samples']} synthetic images for classifiers."]
    return lines


def _numbers(measured: dict[str, Any]) -> list[str]:
    accuracy, lowest = measured["accuracy"], measured["lowest_class"]
    shares = [f"{measured[name]:.3f}" for name in ("precision", "recall", "coverage")]
    value = ["no labels"] * 2 if accuracy is None else [" ".join(f"{one:.3f}" for one in accuracy), f"{lowest:.3f}"]
    return [*value, *shares, f"{measured['frechet_distance']:.2f}"]


def _row(cells: list[Any]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    print("\n".join(table(Path(sys.argv[1]))))
