"""The table: which fault strikes which stage, and how a run ends by it. What holds afterwards is checked alike."""

from dataclasses import dataclass

from tests.flows.whole_run import NAMES

LAST_OF_PREPARE = "publish_data"
PREPARE = NAMES[: NAMES.index(LAST_OF_PREPARE) + 1]
SYNTHESIZE = NAMES[len(PREPARE) :]
DONE, FAILED, BAD_INPUT = 0, 1, 2
WORKSPACE = "workspace/tiny"

NO_ROOM = (
    r"failed: (\w+ stopped|nothing is published): DATA/\S+ cannot be written \([a-z/ ]+\); make room[a-z ]*, "
    "then run again(: what is finished is kept)?"
)
NOT_COPIED = (
    r"bad input: DATA/published/tiny/1\.0\.0 was not copied whole: manifest\.parquet of 1\.0\.0 was changed; .*"
)
NO_MEMORY = r"failed: \w+ stopped: it ran out of memory; .*"
KILLED = r"failed: \w+ stopped: its process was ended by SIGKILL. Its log is DATA/\S+/\w+\.log.*"
READ_ONLY = r"failed: (.*Read-only file system: 'DATA/.*|.*DATA/.* \(read-only file system\).*)"
NAMED = r"(failed|bad input): .*DATA/FILE.*"


@dataclass(frozen=True, kw_only=True)
class Case:
    """`inflict` is a function of inflicted.py, called at `moment`: "before" the run, at the "start" of the stage,
    "halfway" through the files that it writes, or when the stage or a worker "reads" an image.

    `files`: patterns for `inflict`. `place`: the file system of the run. `code`, `sentence`: how the run that is struck
    ends; no code: it may not notice, where it does not read what was damaged. `often`: in every run of the tests.
    `new_version`: what was published is damaged, and a version never changes, so the same content is published again.
    """

    fault: str
    stage: str
    inflict: str
    moment: str = "halfway"
    files: str = ""
    process: str = "stage"
    place: str = "usual"
    code: int | None = FAILED
    sentence: str = ""
    often: bool = False
    new_version: bool = False

    @property
    def name(self):
        return f"{self.fault}-{self.stage}".replace(" ", "_")


def in_stages(often, stages, sentence="", **fault):
    """A case per stage; `often` names those of every run of the tests."""
    return [Case(stage=stage, sentence=sentence, often=stage in often, **fault) for stage in stages]


INPUT = {
    "scan": "ingest",
    "curate": "scan",
    "split": "curate",
    "augment": "split",
    "shard": "augment",
    "gate_data": "split",
    "publish_data": "shard",
}

INTERRUPTED = [
    *in_stages(("publish_data",), NAMES, fault="stage killed", inflict="kill_process", sentence=KILLED),
    *in_stages(
        ("curate",),
        (*PREPARE, "train"),
        fault="interrupted",
        inflict="interrupt_run",
        sentence="interrupted; run the same command again to go on",
    ),
    *in_stages(("shard",), (*PREPARE, "train"), fault="terminated", inflict="terminate_run", code=-15),
]
CHECKPOINTS = in_stages(
    (),
    ("train",),
    fault="checkpoint damaged",
    inflict="damage_files_and_die",
    files=f"{WORKSPACE}/train/*/checkpoints/*.npz",
    sentence=KILLED,
)
NO_RESOURCES = [
    *in_stages(("augment",), NAMES, fault="quota used up", inflict="use_up_quota", sentence=NO_ROOM),
    *in_stages(("scan",), (*PREPARE, "train"), fault="disk full", inflict="fill_disk", place="small", sentence=NO_ROOM),
    *in_stages(("scan",), PREPARE, fault="out of memory", inflict="take_memory", code=None, sentence=NO_MEMORY),
    *in_stages(
        ("publish_data",),
        PREPARE,
        fault="read-only target",
        inflict="",
        moment="start",
        place="read_only",
        sentence=READ_ONLY,
    ),
]
WORKERS = [
    *in_stages((), ("scan",), fault="worker dies", inflict="kill_process", moment="reads", process="worker", code=DONE),
    *in_stages(
        (), ("scan",), fault="worker out of memory", inflict="take_memory", moment="reads", process="worker", code=DONE
    ),
]
SOURCE = [
    *in_stages(
        ("scan",),
        ("ingest", "scan"),
        fault="file vanishes",
        inflict="remove_files",
        moment="reads",
        files="images/a/03.png",
        code=DONE,
    ),
    *in_stages(
        ("scan",),
        ("scan",),
        fault="file changes",
        inflict="change_files",
        moment="reads",
        files="images/a/03.png",
        code=DONE,
    ),
]


def damaged_input(fault, stage, files, sentence, often):
    return Case(
        fault=fault,
        stage=stage,
        inflict="damage_files",
        moment="start",
        files=files,
        code=None,
        sentence=sentence,
        often=often,
    )


INPUT_DAMAGED = [
    *(
        damaged_input(
            "manifest damaged",
            stage,
            f"{WORKSPACE}/{before}/*/manifest.parquet",
            NOT_COPIED
            if stage == LAST_OF_PREPARE
            else NAMED.replace("FILE", rf"{WORKSPACE}/{before}/\w+/manifest\.parquet"),
            stage == "curate",
        )
        for stage, before in INPUT.items()
    ),
    *(
        damaged_input(
            "pack damaged",
            stage,
            f"{WORKSPACE}/pixels/*/*.pack",
            NAMED.replace("FILE", rf"{WORKSPACE}/pixels/\w+/pack-\w+\.pack"),
            stage == "shard",
        )
        for stage in ("augment", "shard")
    ),
    *(
        damaged_input(
            "shard damaged",
            stage,
            f"{WORKSPACE}/shard/*/*-train.tfrecord*",
            NAMED.replace("FILE", rf"{WORKSPACE}/shard/\w+/tiny-train\.tfrecord\S+"),
            stage == "publish_data",
        )
        for stage in ("gate_data", "publish_data")
    ),
]


def damaged_before(fault, files, inflict="damage_files", often=False, stage=LAST_OF_PREPARE, **ends):
    return Case(
        fault=fault, stage=stage, inflict=inflict, moment="before", files=files, often=often, **{"code": DONE, **ends}
    )


BETWEEN_RUNS = [
    *(
        damaged_before(f"DONE {how} of {stage}", f"{WORKSPACE}/{stage}/*/DONE", inflict, often)
        for stage in PREPARE
        for how, inflict, often in (
            ("cut", "cut_files", stage == "ingest"),
            ("emptied", "empty_files", False),
            ("no text", "garble_files", stage == "shard"),
            ("not ours", "replace_by_list", stage == "curate"),
            ("without keys", "replace_by_format", stage == "split"),
        )
    ),
    *(
        damaged_before(f"output of {stage} damaged", f"{WORKSPACE}/{stage}/*/*.{ending}", often=stage == "scan")
        for stage, ending in [
            *((name, "parquet") for name in PREPARE[:6]),
            ("gate_data", "json"),
            ("publish_data", "json"),
        ]
    ),
    damaged_before("shards damaged", f"{WORKSPACE}/shard/*/*.tfrecord*", often=True),
    damaged_before("packs damaged", f"{WORKSPACE}/pixels/*/*.pack", often=True),
    damaged_before("index of packs damaged", f"{WORKSPACE}/pixels/*/*.parquet"),
    damaged_before("index of packs gone", f"{WORKSPACE}/pixels/*/*.parquet", "remove_files"),
    damaged_before("listing no database", f"{WORKSPACE}/listing.sqlite", "garble_files", often=True),
    damaged_before("listing cut", f"{WORKSPACE}/listing.sqlite", "cut_files"),
    damaged_before(
        "state cut",
        f"{WORKSPACE}/state.json",
        "cut_files",
        often=True,
        code=BAD_INPUT,
        sentence=NAMED.replace("FILE", ""),
    ),
    damaged_before(
        "ledger of splits damaged", f"{WORKSPACE}/splits-*", code=BAD_INPUT, sentence=NAMED.replace("FILE", "")
    ),
    damaged_before("published shards damaged", "published/tiny/*/*.tfrecord*", often=True, code=None, new_version=True),
    damaged_before("published manifest damaged", "published/tiny/*/manifest.parquet", code=None, new_version=True),
    damaged_before("latest garbled", "published/tiny/latest", "garble_files", code=None),
    damaged_before("latest gone", "published/tiny/latest", "remove_files", code=None),
]
CASES = [*INTERRUPTED, *CHECKPOINTS, *NO_RESOURCES, *WORKERS, *SOURCE, *INPUT_DAMAGED, *BETWEEN_RUNS]
assert len({case.name for case in CASES}) == len(CASES)
