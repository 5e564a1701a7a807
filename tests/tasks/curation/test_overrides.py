import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.errors import BadInput
from datasets.manifest import FINDINGS_FILE, MANIFEST_FILE, read_table
from tasks.curate import CurateSettings, files_read
from tasks.curation.finding_list import Findings
from tasks.curation.overrides import (
    Override,
    apply_overrides,
    check_overrides,
    overrides_digest,
    read_overrides,
    record_kept,
)
from tasks.differences import differences

ONE, TWO = "0123456789abcdef" * 4, "f" * 64
YAML = f"""\
# after looking at them
- {{sha256: {ONE.upper()}, action: keep, reason: blurred on purpose}}
- {{member: left/2.png, action: relabel, label: "007"}}
- {{member: s/left/3.png#0, action: drop}}
"""
CSV = f"""\
sha256,member,action,label,reason
{ONE},,keep,,blurred on purpose
,left/2.png,relabel,007,
,s/left/3.png#0,drop,,
"""


@pytest.fixture
def file(tmp_path):
    """file(text, name) -> a file of overrides."""

    def write(text, name="overrides.yaml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_yaml_and_csv_say_the_same(file):
    entries = read_overrides(file(YAML))
    assert entries == [
        Override(sha256=ONE, action="keep", reason="blurred on purpose"),
        Override(member="left/2.png", action="relabel", label="007"),
        Override(member="s/left/3.png#0", action="drop"),
    ]
    assert read_overrides(file(CSV, "overrides.csv")) == entries


def test_the_digest_is_of_the_entries_in_any_order_and_format(file):
    first = overrides_digest(file(YAML))
    lines = CSV.splitlines()
    assert overrides_digest(file("\n".join([lines[0], *reversed(lines[1:])]), "overrides.csv")) == first
    assert overrides_digest(file(YAML.replace("007", "008"))) != first
    assert overrides_digest(None) is None


def test_an_empty_file_decides_nothing(file):
    assert read_overrides(file("# nothing yet\n")) == []


@pytest.mark.parametrize(
    ("text", "name", "sentence"),
    [
        ("- {member: a, action: lose}", "o.yaml", "entry 1: action: Input should be 'keep', 'drop' or 'relabel'"),
        ("- {action: keep}", "o.yaml", "entry 1: give either sha256 or member, to say which image"),
        ("- {member: a, action: relabel}", "o.yaml", "entry 1: relabel needs a label, and nothing else has one"),
        ("- {sha256: abc, action: keep}", "o.yaml", "entry 1: sha256: got 'abc'; it has 64 hex digits"),
        ("- {member: a, action: keep}\n- cat.png", "o.yml", "got 'cat.png'; an entry has sha256 or member, and action"),
        ("member: a", "o.yaml", "holds no list; it is a list of entries of sha256, member, action, label, reason"),
        ("- [", "o.yaml", "is not valid YAML: "),
        ("member,what\na,keep\n", "o.csv", "has what; its first line names columns of sha256, member, action, label"),
        ("member,action\na,lose\n", "o.csv", "line 2: action: Input should be 'keep', 'drop' or 'relabel'"),
        ("", "o.txt", "ends in .txt; allowed are .yaml, .yml and .csv"),
        (
            "- {member: a, action: keep}\n- {member: a, action: drop}",
            "o.yaml",
            "for a one entry says keep and one drop; keep one of them",
        ),
    ],
)
def test_a_bad_file_is_refused_with_the_place(file, text, name, sentence):
    with pytest.raises(BadInput, match=re.escape(sentence)):
        check_overrides(file(text, name))


@pytest.mark.parametrize(
    ("text", "name", "sentence"),
    [
        (
            '- {member: a, action: relabel, label: "b\\nc"}',
            "o.yaml",
            "FILE, entry 1: label: got 'b\\nc', which holds control characters; write it without them",
        ),
        (
            '- {member: a, action: relabel, label: "  "}',
            "o.yaml",
            "FILE, entry 1: relabel needs a label, and nothing else has one",
        ),
        (
            "member,action,label\na,keep,\nb,relabel,c,d\n",
            "o.csv",
            "curate.overrides FILE, line 3: it has more cells than the first line has columns; take out a comma, or "
            "put quotes around the cell that holds one",
        ),
    ],
)
def test_a_bad_label_and_a_comma_too_many_are_told_with_the_place(file, text, name, sentence):
    path = file(text, name)
    with pytest.raises(BadInput) as caught:
        read_overrides(path)
    assert str(caught.value).replace(str(path), "FILE") == sentence


def test_labels_are_stripped_as_those_of_sources_are(file):
    (entry,) = read_overrides(file('- {member: a, action: relabel, label: " b "}'))
    assert entry.label == "b"


def test_a_missing_file_is_refused(tmp_path):
    path = tmp_path / "none.yaml"
    why = "No such file or directory"
    sentence = f"curate.overrides {path} cannot be read ({why}); correct the path, or leave the setting out"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        check_overrides(path)


def rows_of(count, **changes):
    base = {"source": "s", "frame": 0, "label": "a", "status": "kept", "reason": None, "detail": None}
    return [
        base | {"member": f"{number}.png", "sha256": f"{number:064d}", "pixel_sha256": f"{number + 50:064d}"} | changes
        for number in range(count)
    ]


def applied(rows, *entries):
    findings = Findings()
    use = apply_overrides(rows, [Override(**entry) for entry in entries], findings)
    record_kept(rows, findings)
    return use.summary(), [(row["member"], row["finding"]) for row in findings.rows]


@pytest.mark.parametrize(
    "image", [{"sha256": f"{1:064d}"}, {"sha256": f"{51:064d}"}, {"member": "1.png"}, {"member": "s/1.png#0"}]
)
def test_an_image_is_named_by_bytes_pixels_path_or_key(image):
    rows = rows_of(3)
    summary, _ = applied(rows, {**image, "action": "drop", "reason": "not ours"})
    assert [row["reason"] for row in rows] == [None, "override_drop", None]
    assert rows[1]["detail"] == "dropped by an override (not ours)"
    assert summary["applied"] == {"drop": 1}


def test_an_entry_that_matches_nothing_is_named():
    summary, _ = applied(rows_of(1), {"sha256": TWO, "action": "keep"})
    assert summary["unmatched"] == {"count": 1, "examples": [TWO]}


def test_of_two_that_contradict_the_one_by_name_counts_and_it_is_said():
    rows = rows_of(1)
    summary, found = applied(
        rows, {"sha256": rows[0]["sha256"], "action": "drop"}, {"member": "0.png", "action": "keep"}
    )
    assert rows[0]["status"] == "kept"
    assert summary["conflicts"] == {"count": 1, "examples": ["s/0.png#0"]}
    assert ("0.png", "override_conflict") in found


def test_what_cannot_be_used_stays_out_and_it_is_said():
    rows = rows_of(1, status="rejected", reason="truncated", detail="it ends early")
    summary, found = applied(rows, {"member": "0.png", "action": "keep"})
    assert (rows[0]["status"], found) == ("rejected", [("0.png", "override_unusable")])
    assert summary["unusable"] == {"count": 1, "examples": ["s/0.png#0"]}


def test_a_file_can_keep_and_relabel_one_image():
    rows = rows_of(1)
    summary, _ = applied(
        rows, {"member": "0.png", "action": "keep"}, {"member": "0.png", "action": "relabel", "label": "b"}
    )
    assert (rows[0]["label"], summary["applied"]) == ("b", {"keep": 1, "relabel": 1})


def picture(seed, side_px=16):
    """Smooth random uint8 [side, side, 1], unlike any other seed's."""
    coarse = np.random.default_rng(seed).integers(0, 255, (4, 4)).astype(np.float64)
    return np.kron(coarse, np.ones((side_px // 4, side_px // 4))).astype(np.uint8)[..., None]


FLAT = np.full((16, 16, 1), 90, np.uint8)


def curated(workbench, folder, path, **curate):
    summary = workbench.prepare(folder, "curate", curate=CurateSettings(overrides=path, **curate))
    rows = read_table(workbench.outputs["curate"] / MANIFEST_FILE).to_pylist()
    return summary, {row["member"]: row for row in rows}


def test_a_run_keeps_drops_and_relabels_and_leaves_a_trace(workbench, write_images, file):
    folder = write_images({"a/1.png": FLAT, "a/2.png": picture(2), "b/3.png": picture(3), "b/4.png": picture(4)})
    text = (
        "- {member: a/1.png, action: keep, reason: a test card}\n"
        "- {member: a/2.png, action: drop}\n"
        "- {member: b/3.png, action: relabel, label: c}\n"
    )
    summary, rows = curated(workbench, folder, file(text))
    assert {name: (row["status"], row["label"]) for name, row in rows.items()} == {
        "a/1.png": ("kept", "a"),
        "a/2.png": ("rejected", "a"),
        "b/3.png": ("kept", "c"),
        "b/4.png": ("kept", "b"),
    }
    assert rows["a/1.png"]["detail"] == (
        "kept by an override (a test card), although flat: deviation of grey levels 0 is under min_std 2"
    )
    assert rows["b/3.png"]["detail"] == "relabelled from b to c by an override"
    assert rows["b/4.png"]["detail"] is None
    assert summary["overrides"]["applied"] == {"drop": 1, "keep": 1, "relabel": 1}
    found = read_table(workbench.outputs["curate"] / FINDINGS_FILE).to_pylist()
    assert Counter(row["finding"] for row in found if row["member"] == "a/1.png")["flat"] == 1


def test_relabelling_resolves_a_conflict_of_labels(workbench, write_images, file):
    folder = write_images({"a/1.png": picture(1), "b/1.png": picture(1), "b/2.png": picture(2)})
    _, rows = curated(workbench, folder, file("- {member: a/1.png, action: relabel, label: b}"))
    assert [row["reason"] for row in rows.values()] == [None, "duplicate_exact", None]


def test_what_is_listed_for_exclusion_cannot_be_kept(workbench, write_images, file, tmp_path):
    folder = write_images({"a/1.png": picture(1), "a/2.png": picture(2)})
    _, rows = curated(workbench, folder, None)
    (tmp_path / "excluded.txt").write_text(rows["a/1.png"]["sha256"])
    path = file("- {member: a/1.png, action: keep}")
    summary, rows = curated(workbench, folder, path, exclusions=tmp_path / "excluded.txt")
    assert rows["a/1.png"]["reason"] == "excluded"
    assert summary["overrides"]["unusable"]["count"] == 1


def test_a_damaged_file_cannot_be_kept(workbench, write_images, file):
    folder = write_images({"a/1.png": b"no image", "a/2.png": picture(2)})
    _, rows = curated(workbench, folder, file("- {member: a/1.png, action: keep}"))
    assert (rows["a/1.png"]["status"], rows["a/1.png"]["reason"]) == ("rejected", "not_an_image")
    assert rows["a/1.png"]["detail"].endswith("an override says keep, but it cannot be used: not_an_image")


def test_the_file_is_part_of_what_the_stage_is_made_of(file):
    def parts(path):
        return {"reads": files_read(CurateSettings(overrides=path), None), "libraries": {}}

    first = parts(file(YAML))
    assert parts(file("# later\n" + YAML)) == first
    assert differences(first, parts(file(CSV, "o.csv"))) == ["its output is gone"]
    assert differences(first, parts(file(YAML.replace("007", "8")))) == ["file of overrides changed"]


ACTIONS = st.sampled_from([{"action": "keep"}, {"action": "drop"}, {"action": "relabel", "label": "b"}])


@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["sha256", "member"]), ACTIONS), max_size=12),
    st.lists(st.sampled_from(["kept", "repaired", "rejected"]), min_size=1, max_size=8),
)
@settings(max_examples=60, deadline=None)
def test_every_image_has_one_status_and_every_override_is_counted(picks, statuses):
    rows = rows_of(len(statuses))
    for row, status in zip(rows, statuses, strict=True):
        row.update(status=status, reason="truncated" if status == "rejected" else None)
    unique = {(number, name): action for number, name, action in picks}
    entries = [
        {name: f"{number:064d}" if name == "sha256" else f"{number}.png"} | action
        for (number, name), action in unique.items()
    ]
    summary, _ = applied(rows, *entries)
    there = [entry for (number, _), entry in zip(unique, entries, strict=True) if number < len(rows)]
    assert summary["unmatched"]["count"] == len(entries) - len(there)
    done = sum(summary["applied"].values()) + summary["unusable"]["count"] + summary["conflicts"]["count"]
    both = sum(
        1 for number in range(len(rows)) if unique.get((number, "sha256")) == unique.get((number, "member")) is not None
    )
    assert done == len(there) - both
    assert all((row["status"] == "rejected") == (row["reason"] is not None) for row in rows)
