"""Prints the table of docs/reliability.md from what `make faults RESULTS=file` has written. Argument: the file."""

import json
import re
import sys
from collections import defaultdict
from pathlib import Path

from tests.faults.cases import CASES
from tests.flows.whole_run import NAMES

OF_STAGE = re.compile(rf" of ({'|'.join(NAMES)})\b")
ENDS = {0: "done", 1: "failed, exit code 1", 2: "bad input, exit code 2", -15: "ended by SIGTERM"}


def fault_and_stage(fault, stage):
    """Name of a row, and the stage that was struck; the names of damaged outputs hold theirs."""
    of = OF_STAGE.search(fault)
    return (OF_STAGE.sub("", fault), of.group(1)) if of else (fault, stage)


def table(lines):
    """Markdown: a row per fault and way in which the struck run ended, in the order of the cases."""
    rows = defaultdict(list)
    order = {(case.fault, case.stage): number for number, case in enumerate(CASES)}
    for line in sorted(lines, key=lambda line: order[line["fault"], line["stage"]]):
        fault, stage = fault_and_stage(line["fault"], line["stage"])
        rows[fault, ENDS[line["code"]]].append(stage)
    shown = [f"| {fault} | {', '.join(stages)} | {end} |" for (fault, end), stages in rows.items()]
    return "\n".join(["| fault | strikes | the struck run |", "|---|---|---|", *shown])


if __name__ == "__main__":
    sys.stdout.write(table([json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]) + "\n")
