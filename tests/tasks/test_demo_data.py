from tasks.demo_data import PLANTED, found_planted, write_digits


def test_all_digits_and_all_planted_files_are_written_once(tmp_path):
    folder = tmp_path / "digits"
    write_digits(folder)
    files = sorted(folder.rglob("*.png"))
    assert len(files) == 1797 + len(PLANTED)
    assert all((folder / planted.member).is_file() for planted in PLANTED)
    files[0].write_bytes(b"mine")
    write_digits(folder)
    assert files[0].read_bytes() == b"mine"


def test_planted_defects_are_matched_with_findings():
    findings = [{"member": PLANTED[0].member, "finding": "truncated"}, {"member": "1/0001.png", "finding": "flat"}]
    found = {planted.name: finding for planted, finding in found_planted(findings)}
    assert found["a truncated file"] == "truncated"
    assert found["an empty file"] is None


def test_of_two_near_copies_either_may_be_named():
    findings = [{"member": "4/0004.png", "finding": "duplicate_near"}]
    found = {planted.name: finding for planted, finding in found_planted(findings)}
    assert found["a near duplicate"] == "duplicate_near"
