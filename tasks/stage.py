"""A stage: what it is made of, whether it has to run, and how its output becomes visible.

An output folder appears under its final name only when it is whole, and then holds DONE: what the fingerprint
is made of and the digest of every file. A stage whose DONE fits and whose files are intact is skipped.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import BaseModel

from datasets.atomic_file import write_text_atomically
from datasets.errors import BadInput
from tasks.differences import differences
from tasks.digests import canonical_json, code_digest, digest_of, file_digests, library_versions
from tasks.done_file import DONE_FILE, STAGE_FORMAT, read_done
from tasks.parallel import ComputeSettings
from tasks.progress import Progress, silent
from tasks.stage_context import StageContext, Summary
from tasks.stage_process import ChildUsage, run_in_child


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One entry of a flow's list of stages.

    `work(settings, context)` is a module-level function that returns a summary (JSON). `reads` names what the
    stage sees besides its inputs, for the fingerprint; `still_true` says what became wrong with an old output.
    Files that begin with a name of `scratch` (logs, checkpoints) are no content: nobody after the stage reads them.
    """

    name: str
    title: str
    work: Callable[[Any, StageContext], Summary]
    section: str
    inputs: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    seeded: bool = True
    resumable: bool = False
    scratch: tuple[str, ...] = ()
    timeout_s: float = 24 * 3600
    reads: Callable[[Any, StageContext], Any] | None = None
    still_true: Callable[[Any, StageContext, Path], str | None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageResult:
    """What a run knows of a stage. `digest` is that of the output's content."""

    stage: str
    outcome: str  # ran, resumed or skipped
    why: str
    path: Path
    digest: str
    summary: Summary = field(default_factory=dict)
    usage: ChildUsage = field(default_factory=ChildUsage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a data set's runs work and publish; `published` is the copy of what is at `remote`, where there is one."""

    dataset: str
    seed: int
    workspace: Path
    published: Path
    compute: ComputeSettings
    remote: str | None = None

    @property
    def shared(self) -> Path:
        return self.workspace / self.dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Whether a stage has to run, and why."""

    parts: dict[str, Any]
    fingerprint: str
    context: StageContext
    why: str
    done: dict[str, Any] | None  # the intact DONE record, when the stage can be skipped

    @property
    def final(self) -> Path:
        return self.context.shared / self.context.place

    @property
    def partial(self) -> Path:
        return self.final.with_name(self.final.name + ".partial")


@contextmanager
def workspace_lock(place: Place) -> Iterator[None]:
    """Keep two runs off one data set. The lock of a dead process is free again.

    Raises BadInput when another run holds it.
    """
    place.shared.mkdir(parents=True, exist_ok=True)
    lock = FileLock(place.shared / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BadInput(f"{place.shared} is in use by another run; wait until it ends, or stop it") from None
    try:
        yield
    finally:
        lock.release()


def decide(stage: Stage, settings: BaseModel, place: Place, inputs: Mapping[str, StageResult]) -> Decision:
    """Work out the fingerprint, and whether an intact output of it is there."""
    parts, context = _fingerprint_parts(stage, settings, place, inputs)
    fingerprint = digest_of(parts)
    context = replace(context, place=f"{stage.name}/{fingerprint[:16]}")
    final = place.shared / context.place
    done = read_done(final)
    if done is None:
        return Decision(parts=parts, fingerprint=fingerprint, context=context, why=_why(stage, place, parts), done=None)
    wrong = _damage(stage, final, done) or (stage.still_true and stage.still_true(settings, context, final))
    return Decision(
        parts=parts, fingerprint=fingerprint, context=context, why=wrong or "unchanged", done=None if wrong else done
    )


def run_stage(
    stage: Stage,
    settings: BaseModel,
    place: Place,
    inputs: Mapping[str, StageResult],
    progress: Progress = silent,
    force: bool = False,
) -> StageResult:
    """Skip the stage where its output is there and intact, else run it in a child process and keep its output."""
    decision = decide(stage, settings, place, inputs)
    if decision.done and not force:
        return skipped(stage, decision)
    resumed = _make_partial(stage, decision)
    context = replace(decision.context, out=decision.partial)
    log = place.shared / "logs" / f"{stage.name}.log"
    summary, usage = run_in_child(stage.work, settings, context, log=log, progress=progress, timeout_s=stage.timeout_s)
    digest = _keep(stage, decision, summary)
    return StageResult(
        stage=stage.name,
        outcome="resumed" if resumed else "ran",
        why=decision.why,
        path=decision.final,
        digest=digest,
        summary=summary,
        usage=usage,
    )


def skipped(stage: Stage, decision: Decision) -> StageResult:
    """The result of a stage whose output is there and intact."""
    assert decision.done is not None
    return StageResult(
        stage=stage.name,
        outcome="skipped",
        why=decision.why,
        path=decision.final,
        digest=decision.done["digest"],
        summary=decision.done["summary"],
    )


def _fingerprint_parts(
    stage: Stage, settings: BaseModel, place: Place, inputs: Mapping[str, StageResult]
) -> tuple[dict[str, Any], StageContext]:
    recipe = {
        "format": STAGE_FORMAT,
        "stage": stage.name,
        "settings": settings.model_dump(mode="json"),
        "code": code_digest(stage.work),
        "libraries": library_versions(stage.libraries),
    }
    context = StageContext(
        dataset=place.dataset,
        seed=place.seed,
        inputs={name: inputs[name].path for name in stage.inputs},
        out=place.shared,
        place="",
        shared=place.shared,
        published=place.published,
        recipe=digest_of(recipe),
        compute=place.compute,
        remote=place.remote,
    )
    parts = recipe | {"inputs": {name: inputs[name].digest for name in stage.inputs}}
    if stage.seeded:
        parts["seed"] = place.seed
    if stage.reads:
        parts["reads"] = stage.reads(settings, context)
        context = replace(context, reads=parts["reads"])
    return parts, context


def _content(stage: Stage, folder: Path) -> dict[str, str]:
    """Digests of the files that are content; hidden files are nobody's."""
    digests = file_digests(folder, leave_out={DONE_FILE})
    return {name: digest for name, digest in digests.items() if not name.startswith((".", *stage.scratch))}


def _damage(stage: Stage, folder: Path, done: dict[str, Any]) -> str | None:
    found = _content(stage, folder)
    for name in sorted(found.keys() | done["outputs"].keys()):
        if name not in found:
            return f"output {name} is gone"
        if name not in done["outputs"]:
            return f"output {name} is not of this stage"
        if found[name] != done["outputs"][name]:
            return f"output {name} was changed"
    return None


def _why(stage: Stage, place: Place, parts: dict[str, Any]) -> str:
    """What differs from the newest output of this stage."""
    folders = [done.parent for done in (place.shared / stage.name).glob(f"*/{DONE_FILE}")]
    if not folders:
        return "first run"
    newest = max(folders, key=lambda folder: (folder / DONE_FILE).stat().st_mtime_ns)
    done = read_done(newest)
    return "; ".join(differences(done["parts"], parts)) if done else f"{newest.name}/{DONE_FILE} is damaged"


def _make_partial(stage: Stage, decision: Decision) -> bool:
    """Prepare the folder to write in; True when there is earlier work in it to go on from."""
    if decision.final.exists():
        if stage.resumable and not decision.partial.exists():
            decision.final.rename(decision.partial)  # damaged, but there may be hours of work in it
        else:
            shutil.rmtree(decision.final)
    if stage.resumable and decision.partial.exists():
        (decision.partial / DONE_FILE).unlink(missing_ok=True)
        return any(decision.partial.iterdir())
    if decision.partial.exists():  # a dead run left it: the lock is ours, so nobody writes there
        shutil.rmtree(decision.partial)
    decision.partial.mkdir(parents=True)
    return False


def _keep(stage: Stage, decision: Decision, summary: Summary) -> str:
    """Digest all outputs (which reads them back), write DONE last, rename; sweep what others left unfinished."""
    outputs = _content(stage, decision.partial)
    digest = digest_of(outputs)
    done = {
        "format": STAGE_FORMAT,
        "fingerprint": decision.fingerprint,
        "parts": decision.parts,
        "outputs": outputs,
        "digest": digest,
        "summary": summary,
    }
    write_text_atomically(decision.partial / DONE_FILE, canonical_json(done, indent=1))
    decision.partial.rename(decision.final)
    leftovers = sorted(decision.final.parent.glob("*.partial"), key=lambda path: path.stat().st_mtime_ns)
    for leftover in leftovers[:-1] if stage.resumable else leftovers:  # hours of other settings may be in the newest
        shutil.rmtree(leftover)
    return digest
