"""Readers of what runs keep for themselves and leave to others: DONE, logs, listings, exports, whole versions."""

import contextlib
import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from datasets.published import resolve_version
from datasets.sources.base import SourceItem
from datasets.sources.downloads.outcome_table import OutcomeTable
from datasets.sources.registry import open_source, source_settings
from datasets.sources.shards.tfds_folder import find_version
from datasets.sources.url_list import MARK_FILE, UrlListSettings, open_url_list
from flows.runs import diff_runs, list_runs, show_status
from gan.extractors.keras_file import _check_safe
from gan.sampling import SPEC_FILE, _read_spec
from tasks.curation.exclusions import read_exclusions
from tasks.differences import differences
from tasks.done_file import read_done
from tasks.export.export import export
from tasks.lineage.stage_facts import facts_of
from tasks.listing_cache import LISTING_FILE, Payload, listing_cache
from tasks.parallel import ComputeSettings
from tasks.progress import silent
from tasks.published_generator import ATTEMPTS_FILE, GENERATOR_FOLDER, _attempts
from tasks.report.evidence import _json_lines
from tasks.run import RUN_VERSION
from tasks.stage import _damage
from tasks.stages import FLOWS
from tasks.trace import trace, wanted_of
from tasks.verify import verify
from tests.hostile.mutations import Random, mutated, mutated_json
from tests.hostile.reader import Reader, exhausted, in_file, of_json
from tests.tasks.tiny_versions import TinyVersion

SHA256 = "ab" * 32
ITEMS = [SourceItem(member=f"cat/{number}.png", size_bytes=9, version_tag="t") for number in range(40)]
DONE: dict[str, Any] = {
    "format": 1,
    "fingerprint": "f",
    "parts": {"settings": {"a": 1}, "seed": 1, "inputs": {"x": "y"}, "code": "c", "libraries": {"numpy": "2"}},
    "outputs": {"m": SHA256},
    "digest": SHA256,
    "summary": {"n": 1},
}
EVENTS = (
    {"event": "losses", "images_seen": 100, "discriminator_loss": 0.5},
    {"event": "evaluation", "images_seen": 200, "frechet_distance": 3.25, "recall": 0.5},
    {"event": "alarm", "images_seen": 200, "sentence": "collapse: recall was low"},
)
USAGE = {"wall_s": 1.0, "cpu_s": 1.0, "peak_rss_mib": 9.0}
SUMMARY = {"images_in": 3, "images_out": 2, "rejected": {"truncated": 1}}
STAGE = {"name": "scan", "outcome": "ran", "why": "w", "path": "/x", "digest": "d", "usage": USAGE, "summary": SUMMARY}
PUBLISHED = SUMMARY | {"outcome": "published", "name": "photos", "version": "1.0.0", "path": "/p", "folder": "/p"}
RECORD: dict[str, Any] = {
    "format_version": RUN_VERSION,
    "run": "r",
    "flow": "prepare-dataset",
    "dataset": "photos",
    "started_at": "2026-01-02T03:04:05+00:00",
    "finished_at": "2026-01-02T03:05:10+00:00",
    "verdict": "done",
    "exit_code": 0,
    "message": "",
    "stopped_stage": None,
    "settings": {"dataset": "photos", "workspace": "/w", "curate": {"min_side_px": 16}},
    "stages": [STAGE, STAGE | {"name": "publish_data", "summary": PUBLISHED}],
}


def read_output(path: Path) -> None:
    """As the next run and the lineage do."""
    stage = FLOWS["prepare-dataset"][0]
    done = read_done(path.parent)
    if done:
        _damage(stage, path.parent, done)
        differences(done["parts"], DONE["parts"])
    facts_of(path.parent)


def read_training_log(path: Path) -> None:
    """As the report does."""
    exhausted(_json_lines(path))


def lines_of(content: bytes, random: Random) -> bytes:
    """A log in which values of some lines are of another kind, or its bytes are changed."""
    if random.integers(3) == 0:
        return mutated(content, random)
    lines = [json.dumps(mutated_json(event, random)) for event in EVENTS]
    return "\n".join([*lines, "9" * int(random.integers(1, 6000))]).encode("utf-8", "surrogatepass")


def listings(folder: Path) -> list[bytes]:
    """Of forty members, once finished, with a listing begun."""
    with listing_cache(folder) as cache:
        cache.begin({"s": "/photos"})
        cache.remember("s", ITEMS, [Payload(SHA256, 9)] * len(ITEMS))
        cache.finish()
        cache.begin({"s": "/photos"})
        cache.remember("s", ITEMS[:20], [None] * 20)
    return [(folder / LISTING_FILE).read_bytes()]


def read_listing(path: Path) -> None:
    """Through a whole listing, as ingest makes one."""
    with listing_cache(path.parent) as cache:
        cache.count()
        cache.begin({"s": "/photos"})
        cache.known("s", ITEMS)
        cache.remember("s", ITEMS, [Payload(SHA256, 9)] * len(ITEMS))
        cache.finish()


def url_list(folder: Path) -> Any:
    """A list of one URL whose downloads lie in the folder."""
    (folder / "urls.txt").write_text("http://a.example/1.png\n")
    return open_url_list(UrlListSettings(kind="url_list", path=str(folder / "urls.txt")), folder)


def outcome_tables(folder: Path) -> list[bytes]:
    """An empty one, as it is made."""
    folder.mkdir(exist_ok=True)
    OutcomeTable.opened(folder).close()
    return [(folder / "outcomes.sqlite").read_bytes()]


def read_outcomes(path: Path) -> None:
    """As a second run does, and the listing after it."""
    with OutcomeTable.opened(path.parent) as table:
        table.counts()
        table.outcome(3, "p")
    exhausted(url_list(path.parent).items())


@cache
def version_files() -> dict[str, bytes]:
    """Those of a small published version, by their names."""
    with tempfile.TemporaryDirectory() as scratch:
        version = TinyVersion(splits={"train": 4, "test": 2})
        folder = Path(scratch) / "tiny" / "1.0.0"
        folder.parent.mkdir()
        version.write(folder)
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def written(folder: Path, name: str, content: bytes) -> Path:
    """A whole version with one file changed; its folder."""
    version = folder / "tiny" / "1.0.0"
    for file, intact in version_files().items():
        (version / file).parent.mkdir(parents=True, exist_ok=True)
        (version / file).write_bytes(content if file == name else intact)
    (folder / "tiny" / "latest").write_text("1.0.0\n")
    return version


def one_file(content: bytes) -> tuple[str, bytes]:
    """The name that a first byte stands for, and the rest."""
    names = sorted(version_files())
    return names[content[0] % len(names)], content[1:]


def with_names(_: Path) -> list[bytes]:
    """Every file of the version behind a byte for its name."""
    return [bytes([number]) + content for number, (_, content) in enumerate(sorted(version_files().items()))]


def changed_behind_name(content: bytes, random: Random) -> bytes:
    """The first byte stays; a JSON file has other values two times in three."""
    name, rest = one_file(content)
    change = of_json(json.loads(rest)) if name.endswith(".json") else mutated
    return content[:1] + change(rest, random)


def read_version(content: bytes, folder: Path) -> None:
    """As `verify`, `trace` and `check` do."""
    version = written(folder, *one_file(content))
    verdicts = verify([version], ComputeSettings(mode="synchronous"), silent)
    assert verdicts
    _all_of("tfds", version, folder)
    trace(folder, wanted_of(SHA256))


def read_latest(content: bytes, folder: Path) -> None:
    """As sources and readers do."""
    (written(folder, "", b"").parent / "latest").write_bytes(content)
    for read in (find_version, resolve_version):
        read(folder / "tiny")


def exported(layout: str) -> Callable[[Path], list[bytes]]:
    """The parts of an export."""

    def parts(folder: Path) -> list[bytes]:
        out = folder / "out"
        export(written(folder, "", b""), layout, out, (), 1 << 20, silent)
        return [path.read_bytes() for path in sorted((out / "data").iterdir())]

    return parts


def _all_of(kind: str, path: Path, folder: Path) -> None:
    source = open_source(source_settings(kind=kind, path=str(path), name="s"), folder / "cache")
    if not source.is_fetched:
        source.fetch(silent)
    for item in source.items():
        if item.problem is None:
            with contextlib.suppress(OSError):
                source.read(item.member)


def as_source(kind: str, name: str) -> Callable[[bytes, Path], object]:
    """Reads every image of an export, as `check` does."""
    return in_file(name, lambda path: _all_of(kind, path, path.parent))


def attempts(_: Path) -> list[bytes]:
    """Of three images."""
    file = io.BytesIO()
    np.save(file, np.arange(3, dtype=np.uint16))
    return [file.getvalue()]


def read_attempts(content: bytes, folder: Path) -> None:
    """As `sample` does."""
    (folder / GENERATOR_FOLDER).mkdir(exist_ok=True)
    (folder / GENERATOR_FOLDER / ATTEMPTS_FILE).write_bytes(content)
    _attempts(folder, 3)


def read_history(content: bytes, folder: Path) -> None:
    """As `runs`, `status` and `diff` do."""
    runs = folder / "runs"
    runs.mkdir(exist_ok=True)
    (runs / "r.json").write_bytes(content)
    (runs / "s.json").write_text(json.dumps(RECORD))
    with contextlib.redirect_stdout(io.StringIO()):
        for as_json in (False, True):
            list_runs(folder, 5, as_json)
            show_status(folder, "r", as_json)
            diff_runs(runs / "r.json", runs / "s.json", as_json)


NETWORK = {"resolution_px": 16, "channels": 3, "classes": 0, "latent_size": 6, "width": 4, "max_width": 16}
SPEC = {"format_version": 1, "spec": NETWORK, "class_names": None, "weights_sha256": "ab"}


DENSE = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 1}}
NETWORKS = {"module": "keras", "class_name": "Sequential", "config": {"layers": [DENSE, DENSE]}}


def keras_files(content: bytes) -> bytes:
    """The description packed as Keras packs it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("config.json", content)
    return file.getvalue()


def changed_network(content: bytes, random: Random) -> bytes:
    """Other values in the description two times in three, else other bytes in the file."""
    return mutated(content, random) if random.integers(3) == 0 else keras_files(of_json(NETWORKS)(b"{}", random))


def kept_readers() -> tuple[Reader, ...]:
    """All of them."""
    done, record = json.dumps(DONE).encode(), json.dumps(RECORD).encode()
    log = "\n".join(map(json.dumps, EVENTS)).encode()
    mark = {"format_version": 1, "list": "x", "ended_at": 1.0, "passing": 1, "permanent": 0, "downloaded": 1}
    marks, specs = json.dumps(mark).encode(), json.dumps(SPEC).encode()
    listed = f"{SHA256} a reason # and more\n# none\n{SHA256}\n".encode()
    return (
        Reader("DONE", lambda _: [done], in_file("DONE", read_output), of_json(DONE), True),
        Reader("training log", lambda _: [log], in_file("training_log.jsonl", read_training_log), lines_of, True),
        Reader("listing.sqlite", listings, in_file(LISTING_FILE, read_listing), never_raises=True),
        Reader("outcomes of downloads", outcome_tables, in_file("outcomes.sqlite", read_outcomes)),
        Reader(
            "mark of downloads",
            lambda _: [marks],
            in_file(MARK_FILE, lambda path: url_list(path.parent).unfinished()),
            of_json(mark),
            True,
        ),
        Reader("generator.json", lambda _: [specs], in_file(SPEC_FILE, _read_spec), of_json(SPEC)),
        Reader("rejected samples", attempts, read_attempts),
        Reader(
            ".keras files",
            lambda _: [keras_files(json.dumps(NETWORKS).encode())],
            in_file("m.keras", _check_safe),
            changed_network,
        ),
        Reader("exclusions", lambda _: [listed], in_file("x.txt", read_exclusions)),
        Reader("runs, status, diff", lambda _: [record], read_history, of_json(RECORD)),
        Reader("latest", lambda _: [b"1.0.0\n"], read_latest),
        Reader("versions, file by file", with_names, read_version, changed_behind_name),
        Reader("Parquet exports", exported("parquet"), as_source("image_table", "p.parquet")),
        Reader("WebDataset exports", exported("webdataset"), as_source("webdataset", "train.tar")),
    )
