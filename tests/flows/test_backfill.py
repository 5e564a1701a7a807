"""Back-fill: which partitions run, again and again, here and on a server."""

import json
import os
import re
import signal
import subprocess
from dataclasses import replace
from types import SimpleNamespace
from uuid import UUID, uuid4

import psutil
import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings

from datasets.errors import BadInput, Refused
from flows.backfill import Asked, Line, carried_out, exit_code, planned
from flows.partition_commands import flow_of
from flows.partition_orders import Orders, orders_of
from flows.partition_runs import checked
from flows.partition_states import PartitionState, settings_of
from flows.partitions import OWNER_FILE
from tasks.run import Run
from tasks.run_history import past_runs
from tasks.run_position import Position, write_position
from tests.flows.prefect_server import POOL, free_port

SETTINGS = """\
dataset: photos
source: {path: "incoming/{partition}"}
scan: {channels: 1, resize: {width_px: 16, height_px: 16}}
augment: {preset: none}
compute: {mode: synchronous}
"""
FLOW = "prepare-dataset"


def as_before(state):
    return state


@pytest.fixture
def settings_file(tmp_path):
    """Settings, and folders of five partitions of which nothing was made yet."""
    for name in ("a", "b", "c", "d", "e"):
        (tmp_path / "incoming" / name).mkdir(parents=True)
    path = tmp_path / "photos.yaml"
    path.write_text(SETTINGS)
    return path


def ran(settings_file, partition, error=None, flow=FLOW):
    """Leave the record of a run that ended so."""
    settings = settings_of(settings_file, partition, None)
    Run(flow=flow, settings=settings, place=settings.place).finish(error)


def began(settings_file, partition, **where):
    """Leave what a run leaves that goes on, here or elsewhere."""
    settings = settings_of(settings_file, partition, None)
    runs = settings.place.shared / "runs"
    runs.mkdir(parents=True)
    began_at = {"run": "20260101T000000Z", "started_at": "2026-01-01T00:00:00Z"}
    write_position(runs, Position(flow=FLOW, dataset=settings.dataset, **began_at, **where))


def is_published(settings_file, name):
    folder = settings_file.parent / "published" / name
    folder.mkdir(parents=True)
    (folder / "latest").write_text("1.2.0\n")


def states(settings_file, **asked):
    lines, _ = planned(Asked(settings_file=settings_file, **({"flow": FLOW} | asked)), as_before)
    return {line.before.partition: line.before.state for line in lines}


def chosen(settings_file, **asked):
    lines, _ = planned(Asked(settings_file=settings_file, **({"flow": FLOW} | asked)), as_before)
    return [line.before.partition for line in lines if line.chosen]


def test_how_far_a_partition_is_follows_from_its_runs_and_versions(settings_file):
    is_published(settings_file, "photos_a")
    ran(settings_file, "a")
    ran(settings_file, "b", Refused("no"))
    ran(settings_file, "c", KeyboardInterrupt())
    began(settings_file, "d")
    ran(settings_file, "e")  # published elsewhere then, or removed since
    (settings_file.parent / "incoming" / "f").mkdir()
    began(settings_file, "f", host="another machine")  # it may have died there, and then says nothing more
    expected = {"a": "done", "b": "failed", "c": "missing", "d": "running", "e": "missing", "f": "missing"}
    assert states(settings_file) == expected
    assert chosen(settings_file) == ["c", "e", "f"]
    assert chosen(settings_file, failed=True) == ["b", "c", "e", "f"]
    assert chosen(settings_file, named=("e", "d", "a")) == ["a", "e"]
    assert chosen(settings_file, first="b", last="c") == ["c"]


@pytest.mark.parametrize(
    ("flow", "published", "found"),
    [
        ("prepare-dataset", "photos_a", "done"),
        ("augment-dataset", "photos_a", "missing"),
        ("augment-dataset", "photos_a_synthetic", "done"),
        ("train-gan", "photos_a", "missing"),
    ],
)
def test_what_a_flow_publishes_last_makes_it_done(flow, published, found, settings_file):
    is_published(settings_file, published)
    assert states(settings_file, flow=flow, named=("a",)) == {"a": found}


def test_a_run_of_another_flow_says_nothing(settings_file):
    ran(settings_file, "a", RuntimeError("away"), flow="train-gan")
    assert states(settings_file, named=("a",)) == {"a": "missing"}
    assert states(settings_file, named=("a",), flow="train-gan") == {"a": "failed"}


def test_what_is_no_name_of_a_partition_is_told(settings_file):
    for name in ("a b", ".hidden", "été"):
        (settings_file.parent / "incoming" / name).mkdir()
    _, found = planned(Asked(settings_file=settings_file, flow=FLOW), as_before)
    assert found.others == ("a b", "été")


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"flow": "bake"}, "--flow bake is no flow; allowed are augment-dataset, prepare-dataset, "),
        ({"named": ("z",)}, "--partition z is not at the source of FILE; there are a to e, 5 in all"),
        ({"first": "f"}, "FILE: nothing at its source is within the bounds; there are a to e, 5 in all"),
    ],
)
def test_what_cannot_be_meant_is_refused(asked, sentence, settings_file):
    with pytest.raises(BadInput) as caught:
        chosen(settings_file, **asked)
    assert str(caught.value).replace(str(settings_file), "FILE").startswith(sentence)


def test_two_partitions_of_one_name_are_refused(settings_file):
    (settings_file.parent / "incoming" / "A").mkdir()
    with pytest.raises(BadInput, match="partitions A and a would both be the data set photos_a; rename one of them"):
        chosen(settings_file)
    assert chosen(settings_file, named=("b",)) == ["b"]


def test_a_source_without_a_mark_has_no_partitions(settings_file):
    settings_file.write_text(SETTINGS.replace("/{partition}", ""))
    with pytest.raises(BadInput, match=re.escape('there is no {partition} in source; write it, e.g. path: "incoming/')):
        chosen(settings_file)


def test_partitions_of_several_sources_are_those_of_any(settings_file, tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "f.zip").write_bytes(b"")
    sources = 'kind: mixed, sources: [{path: "incoming/{partition}"}, {path: "more/{partition}.zip"}, {path: all}]'
    settings_file.write_text(f"dataset: photos\nsource: {{{sources}}}\n")
    assert chosen(settings_file) == ["a", "b", "c", "d", "e", "f"]


def lines_of(*names):
    found = [PartitionState(partition=name, dataset=name, state="missing") for name in names]
    return [Line(before=state, chosen=True) for state in found]


@pytest.mark.parametrize(("stop", "after"), [(False, ["done", "refused", "done"]), (True, ["done", "refused", None])])
def test_one_that_is_refused_stops_others_only_where_that_is_asked_for(stop, after):
    outcomes = {"a": "done", "b": "refused", "c": "done"}
    ended = carried_out(
        lines_of("a", "b", "c"), lambda line: line.after(outcomes[line.before.partition], "", None), stop
    )
    assert [line.outcome for line in ended] == after


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        (["done", None, "ordered"], 0),
        (["done", "refused"], 3),
        (["refused", "bad input"], 2),
        (["bad input", "failed", "refused"], 1),
    ],
)
def test_the_exit_code_is_that_of_the_worst(outcomes, code):
    assert exit_code([replace(line, outcome=outcome) for line, outcome in zip(lines_of(*"abc"), outcomes)]) == code  # noqa: B905


def test_the_flow_of_a_deployment_is_the_one_that_runs():
    assert flow_of(None, None) == "prepare-dataset"
    assert flow_of(None, "augment-dataset/default") == "augment-dataset"
    with pytest.raises(BadInput, match=r"--flow train-gan is not that of --deployment a/b; leave --flow out"):
        flow_of("train-gan", "a/b")
    with pytest.raises(BadInput, match=r"--deployment default has no flow in front; write, for example, prepare-dat"):
        flow_of(None, "default")


class Bench:
    """A folder of partitions, and what `augment-dataset backfill` says of it."""

    def __init__(self, folder, command, environment, blob):
        self.folder, self.environment, self._command, self._blob = folder, environment, command, blob
        self.file = folder / "photos.yaml"
        self.file.write_text(SETTINGS)

    def add(self, partition, sound=True):
        """Eight images that no other partition has, two of them sound or all."""
        seed = 100 * sum(1 for _ in (self.folder).glob("incoming/*"))
        for label, number in [(label, number) for label in "ab" for number in range(4)]:
            path = self.folder / "incoming" / partition / label / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self._blob("ab".index(label), seed + number) if sound or number == 0 else b"none")

    def start(self, *options):
        return subprocess.Popen(
            self._command("backfill", "photos.yaml", *options),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def call(self, *options):
        """Exit code, and what came of each partition."""
        running = self.start("--json", *options)
        said, error = running.communicate(timeout=240)
        assert said, error
        return running.returncode, {line["partition"]: line["outcome"] for line in json.loads(said)["partitions"]}

    def versions(self):
        return {path.parent.name: path.read_text().strip() for path in self.folder.glob("published/*/latest")}


@pytest.fixture(scope="module")
def bench(tmp_path_factory, command, api, server_environment, blob):
    """Three partitions, one of them without enough sound images."""
    bench = Bench(tmp_path_factory.mktemp("backfill"), command, server_environment, blob)
    for partition in ("2026-01-01", "2026-01-02", "2026-01-03"):
        bench.add(partition, sound=partition != "2026-01-02")
    return bench


@pytest.fixture(scope="module")
def interrupted(bench):
    """What the first call said before and after Ctrl-C in the last partition: exit code, output, errors."""
    running, said = bench.start(), ""
    while not re.search("partition 2026-01-03.*ingest: ran", said, flags=re.DOTALL):
        line = running.stdout.readline()
        assert line, said + running.stderr.read()
        said += line
    children = psutil.Process(running.pid).children(recursive=True)
    os.killpg(running.pid, signal.SIGINT)
    rest, error = running.communicate(timeout=60)
    assert psutil.wait_procs(children, timeout=10)[1] == []
    return running.returncode, said + rest, error


@pytest.mark.end_to_end
def test_a_partition_that_fails_stops_no_other_and_ctrl_c_stops_all(bench, interrupted):
    code, said, error = interrupted
    assert (code, error) == (1, "interrupted; run the same command again to go on\n")
    assert bench.versions() == {"photos_2026_01_01": "1.0.0"}
    rows = re.findall(r"│ (2026-01-0\d) │ (\S+) │ missing │ (\w+(?: \w+)*) ", re.sub(" +", " ", said))
    assert rows == [
        ("2026-01-01", "photos_2026_01_01", "done"),
        ("2026-01-02", "photos_2026_01_02", "bad input"),
        ("2026-01-03", "photos_2026_01_03", "to run"),
    ]


@pytest.mark.end_to_end
def test_the_next_call_runs_what_is_missing_and_failed_ones_where_that_is_asked_for(bench, interrupted):
    assert chosen(bench.file) == ["2026-01-03"]
    expected = {"2026-01-01": None, "2026-01-02": "bad input", "2026-01-03": "done"}
    assert bench.call("--failed") == (2, expected)
    assert bench.versions() == {"photos_2026_01_01": "1.0.0", "photos_2026_01_03": "1.0.0"}
    assert chosen(bench.file) == []


@pytest.mark.end_to_end
def test_a_run_is_ordered_once_however_often_it_is_asked_for(bench, api, prefect, deployments, server_environment):
    bench.add("2026-03-01")
    name = "prepare-dataset/default"
    assert bench.call("--from", "2026-03", "--deployment", name) == (0, {"2026-03-01": "ordered"})
    asked = Asked(settings_file=bench.file, flow="prepare-dataset", first="2026-03")
    with temporary_settings({PREFECT_API_URL: server_environment["PREFECT_API_URL"]}), orders_of(asked, name) as orders:
        (line,), _ = planned(asked, orders.known)
        assert (line.before.state, line.chosen) == ("running", False)
        wanted = {"flow_runs": {"tags": {"all_": ["partition:photos_2026_03_01"]}}}
        (run,) = api.post("flow_runs/filter", json=wanted).raise_for_status().json()
        assert run["parameters"] == {"settings_file": str(bench.file), "partition": "2026-03-01"}
        again = api.post(
            f"deployments/{deployments[name]['id']}/create_flow_run",
            json={"idempotency_key": run["idempotency_key"], "parameters": run["parameters"]},
        )
        assert again.raise_for_status().json()["id"] == run["id"]
        worker = prefect("worker", "start", "--pool", POOL, "--run-once")
        assert worker.returncode == 0, worker.stdout + worker.stderr
        assert bench.versions()["photos_2026_03_01"] == "1.0.0"
        (line,), _ = planned(asked, orders.known)
        assert (line.before.state, line.chosen) == ("done", False)


@pytest.mark.end_to_end
def test_a_deployment_that_is_not_there_is_said(api, server_environment, settings_file):
    asked = Asked(settings_file=settings_file, flow="prepare-dataset")
    url = server_environment["PREFECT_API_URL"]
    shown = re.escape(url.replace("//", "//...@"))
    with (
        temporary_settings({PREFECT_API_URL: url.replace("//", "//bob:short@")}),
        pytest.raises(BadInput, match=f"^--deployment prepare-dataset/never is not on the server at {shown}; `prefect"),
        orders_of(asked, "prepare-dataset/never"),
    ):
        pass


@pytest.mark.end_to_end
def test_a_deployment_that_cancels_what_comes_meanwhile_takes_one_partition(
    api, deployments, server_environment, settings_file
):
    asked = Asked(settings_file=settings_file, flow="augment-dataset")
    url = server_environment["PREFECT_API_URL"]
    with temporary_settings({PREFECT_API_URL: url}), orders_of(asked, "augment-dataset/default") as orders:
        orders.check_room(1)
        with pytest.raises(BadInput, match="cancels what is ordered while 1 of its runs goes, and 2 partitions are to"):
            orders.check_room(2)
    with temporary_settings({PREFECT_API_URL: url}), orders_of(asked, "prepare-dataset/default") as orders:
        orders.check_room(2)


def test_without_a_server_nothing_is_ordered(settings_file):
    asked = Asked(settings_file=settings_file, flow="prepare-dataset")
    with (
        temporary_settings(restore_defaults={PREFECT_API_URL}),
        pytest.raises(BadInput, match="--deployment needs a Prefect server"),
        orders_of(asked, "prepare-dataset/default"),
    ):
        pass


def test_a_server_that_does_not_answer_is_said(settings_file):
    asked = Asked(settings_file=settings_file, flow="prepare-dataset")
    url = f"http://127.0.0.1:{free_port()}/api"
    with (
        temporary_settings({PREFECT_API_URL: url}),
        pytest.raises(BadInput, match=f"^no Prefect server answers at {url}, which PREFECT_API_URL names; start it"),
        orders_of(asked, "prepare-dataset/default"),
    ):
        pass


class Ordering:
    """A client of a server that has some runs already, and keeps the key of each order."""

    def __init__(self, *runs):
        self.runs, self.keys = runs, []

    def read_flow_runs(self, **asked):
        return self.runs

    def create_flow_run_from_deployment(self, deployment, *, idempotency_key, name, **order):
        self.keys.append(idempotency_key)
        return SimpleNamespace(name=name)


def key_of_order(settings_file, *runs):
    client, (line,) = Ordering(*runs), lines_of("a")
    asked = Asked(settings_file=settings_file, flow="prepare-dataset")
    Orders(client, SimpleNamespace(id=UUID(int=1)), asked).order(line)
    (key,) = client.keys
    return key


def test_an_order_after_another_run_is_another_order(settings_file):
    """However many the server shows, or somebody removed; the same state of things gives the same order."""
    runs = [FlowRun(flow_id=uuid4(), created=f"2026-01-0{day}T00:00:00Z") for day in (1, 2, 3)]
    orders = [[], runs[:1], runs[1:2], runs[2:]]
    keys = [key_of_order(settings_file, *there) for there in orders]
    assert len(set(keys)) == len(orders)
    assert key_of_order(settings_file, *runs) == keys[-1]
    assert key_of_order(settings_file, *runs[::-1]) == keys[-1]


def test_what_is_refused_before_a_run_is_remembered_as_one(settings_file):
    settings = settings_of(settings_file, "a", None)
    with pytest.raises(BadInput, match="incoming/a: no files"):
        checked(settings, FLOW)
    assert states(settings_file, named=("a",)) == {"a": "failed"}
    (settings.place.shared / OWNER_FILE).write_text("A\n")
    with pytest.raises(BadInput, match="is the workspace of partition A"):
        checked(settings, FLOW)
    assert len(past_runs(settings.place.shared, 9)) == 1
