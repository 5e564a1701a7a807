import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.manifest import MANIFEST_FILE, table_of, write_table
from tasks.validation_halves import halves_of, validation_halves


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), max_size=60))
@settings(max_examples=60, deadline=None)
def test_what_belongs_together_is_in_one_half_and_the_halves_are_complete(images):
    ids = [f"s/{number}.png#0" for number in range(len(images))]
    labels = np.array([label for label, _ in images], dtype=np.int64)
    together = np.array([block for _, block in images], dtype=np.int64)
    select, gate = validation_halves(ids, labels, together)
    assert sorted([*select, *gate]) == list(range(len(images)))
    assert not set(together[select]) & set(together[gate])


@given(st.lists(st.integers(1, 5), min_size=1, max_size=30))
def test_the_halves_of_a_class_differ_by_one_block_at_most(sizes):
    together = np.repeat(np.arange(len(sizes)), sizes)
    select, gate = validation_halves([f"{number}" for number in range(len(together))], None, together)
    assert abs(len(select) - len(gate)) <= max(sizes)


def test_frames_groups_and_copies_of_a_published_version_are_in_one_half(tmp_path):
    base = {"source": "s", "kind": "real", "status": "kept", "split": "validation", "label": "a", "class_id": 0}
    rows = [base | {"member": "film.gif", "frame": n, "sha256": "film"} for n in range(10)]
    rows += [base | {"member": f"g{n}.png", "frame": 0, "sha256": f"g{n}", "group": "patient"} for n in range(10)]
    rows += [base | {"member": f"d{n}.png", "frame": 0, "sha256": f"d{n}", "duplicate_group": "d0"} for n in range(10)]
    rows += [base | {"member": "other.png", "frame": 0, "sha256": "o", "split": "train", "group": "patient"}]
    write_table(table_of(rows), tmp_path / MANIFEST_FILE)
    ids = [f"s/{row['member']}#{row['frame']}" for row in rows[:30]]
    halves = halves_of(tmp_path, ids, np.zeros(30, dtype=np.int64))
    kinds = [{ids[index][2] for index in half} for half in halves]  # f, g or d
    assert sorted(map(len, kinds)) == [1, 2]
    assert not kinds[0] & kinds[1]
