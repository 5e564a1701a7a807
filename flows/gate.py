"""`augment-dataset gate`: judges synthetic images against real ones, wherever both come from."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

from datasets.errors import BadInput, Refused
from datasets.gate_file import Gate, Outcome, describe_refusals, gate_record
from datasets.sources.settings import absolute_path
from flows.output import bar, console, print_json
from flows.preflight import check_weights
from flows.quiet_tensorflow import import_tensorflow_quietly
from flows.settings import read_yaml, validate, with_weights_below
from flows.terminal import gate_table
from tasks.gate_synthetic import write_measured_gate
from tasks.imaging.operations.resize import ResizeMode
from tasks.preflight import check_not_inside, check_target
from tasks.progress import Progress
from tasks.synthetic_gate.image_sets import left_out_sentence, read_sets
from tasks.synthetic_gate.settings import SyntheticGateSettings

WIDTH = 80
MODES = ("stretch", "pad", "crop")
TOLD = (Outcome.REFUSED, Outcome.WARNED, Outcome.NOT_MEASURED)


def gate_sets(
    real: Path,
    synthetic: Path,
    *,
    kind: str,
    settings_file: Path | None,
    out: Path | None,
    side_px: int | None,
    mode: str,
    most: int,
    seed: int | None,
    as_json: bool,
) -> None:
    """Measure, judge, and print a table or JSON; write gate.json and pictures into `out`.

    Raises BadInput for what cannot be measured at all, and Refused where the gate refuses.
    """
    if mode not in MODES:
        raise BadInput(f"--mode is {mode}; allowed are {', '.join(MODES)}")
    settings, file_seed = gate_settings(settings_file)
    chosen_seed = file_seed if seed is None else seed
    check_weights(settings.extractor)
    _check_places(real, synthetic, out)
    with ExitStack() as bars:

        def progress(doing: str) -> Progress:
            return bars.enter_context(bar(doing, "images"))

        real_set, made, said = read_sets(
            real,
            synthetic,
            kind=kind,
            side_px=side_px,
            mode=cast(ResizeMode, mode),
            most=most,
            seed=chosen_seed,
            progress=progress,
        )
    import_tensorflow_quietly()
    from tasks.synthetic_gate.roles import evidence_of

    evidence, decided_on = evidence_of(real_set, made, real, settings, chosen_seed)
    left_out = [left_out_sentence("real", real_set.left_out), left_out_sentence("synthetic", made.left_out)]
    told = [said, *filter(None, left_out)]
    with tempfile.TemporaryDirectory(prefix="augment-dataset-gate-") as scratch, bar("measuring", "steps") as steps:
        gate = write_measured_gate(evidence, decided_on, Path(scratch), steps, why_none="the two sets stand alone")
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            shutil.copytree(scratch, out, dirs_exist_ok=True)
    if as_json:
        print_json({**gate_record(gate), "told": told})
    else:
        for line in told:
            console().print(line, soft_wrap=True)
        show_gate(gate)
    if gate.refusals:
        raise Refused(f"{len(gate.refusals)} metrics refuse: {describe_refusals(gate.refusals)}")


def show_gate(gate: Gate) -> None:
    """The table, and a sentence for each metric that did not pass."""
    out = console()
    out.print(gate_table(gate), width=None if out.is_terminal else WIDTH)
    for line in remarks(gate):
        out.print(line, soft_wrap=True)


def remarks(gate: Gate) -> Iterator[str]:
    """Why metrics refused, warned or were not measured."""
    for metric in gate.metrics:
        if metric.outcome in TOLD and metric.note:
            yield f"{metric.name} ({metric.outcome.value}): {metric.note}"


def gate_settings(path: Path | None) -> tuple[SyntheticGateSettings, int]:
    """Section `synthetic_gate` and the seed of a settings file, which needs no other section; defaults without one."""
    if path is None:
        return SyntheticGateSettings(), 0
    record: dict[str, Any] = read_yaml(path)
    whole = {"dataset": "gate", "source": {"path": "."}, **record}
    settings = validate(whole, str(path))
    return with_weights_below(settings.synthetic_gate, path.resolve().parent), settings.seed


def _check_places(real: Path, synthetic: Path, out: Path | None) -> None:
    if absolute_path(Path.cwd(), real) == absolute_path(Path.cwd(), synthetic):
        raise BadInput(f"--real and --synthetic are both {real}; give two sets of images")
    if out is None:
        return
    check_target("--out", out)
    for path in (real, synthetic):
        check_not_inside("--out", out, path)
