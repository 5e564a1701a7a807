import ast
import hashlib
import textwrap
from pathlib import Path

import pytest

from tasks import digests
from tasks.digests import canonical_json, code_digest, digest_of, file_digests, found_by_package, imported_modules


def test_equal_values_in_any_order_have_one_digest():
    assert digest_of({"b": 1, "a": [1, 2]}) == digest_of({"a": [1, 2], "b": 1})


def test_canonical_json_is_compact_and_keeps_letters():
    assert canonical_json({"b": "é", "a": 1}) == '{"a":1,"b":"é"}'


def test_file_digests_are_by_relative_path(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.txt").write_bytes(b"a")
    (tmp_path / "DONE").write_bytes(b"x")
    assert file_digests(tmp_path, leave_out={"DONE"}) == {"sub/a.txt": hashlib.sha256(b"a").hexdigest()}


def test_imported_modules_are_ours_only_and_found_inside_functions():
    source = textwrap.dedent("""
        import numpy
        from datasets.errors import BadInput
        def work():
            from gan.training import train
    """)
    found = imported_modules(ast.parse(source))
    assert {"datasets.errors", "datasets", "gan.training", "gan"} <= found
    assert "numpy" not in found


@pytest.fixture
def small_tree(tmp_path, monkeypatch):
    """A tree with tasks/top.py -> datasets/helper.py, and an unrelated module."""
    for name, source in {
        "tasks/__init__.py": "",
        "tasks/top.py": "from datasets.helper import help_me\n",
        "tasks/unrelated.py": "x = 1\n",
        "datasets/__init__.py": "",
        "datasets/helper.py": "def help_me(): return 1\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
    monkeypatch.setattr(digests, "ROOT", tmp_path)
    digests._module_code_digest.cache_clear()
    yield tmp_path
    digests._module_code_digest.cache_clear()


def digest_of_top():
    def work():
        return None

    work.__module__ = "tasks.top"
    digests._module_code_digest.cache_clear()
    return code_digest(work)


def test_code_digest_changes_with_a_helper_that_is_imported(small_tree):
    before = digest_of_top()
    (small_tree / "datasets" / "helper.py").write_text("def help_me(): return 2\n")
    assert digest_of_top() != before


def test_code_digest_ignores_modules_that_are_not_imported(small_tree):
    before = digest_of_top()
    (small_tree / "tasks" / "unrelated.py").write_text("x = 2\n")
    assert digest_of_top() == before


def test_comments_docstrings_and_layout_do_not_change_the_digest(small_tree):
    before = digest_of_top()
    helper = small_tree / "datasets" / "helper.py"
    helper.write_text('"""A helper."""\n\ndef help_me():\n    """Help."""\n    return 1  # one\n')
    documented = digest_of_top()
    helper.write_text('"""Another helper."""\n\n\ndef help_me():\n    """Help more."""\n    return 1\n')
    assert digest_of_top() == documented
    helper.write_text('"""Another helper."""\n\n\ndef help_me():\n    """Help more."""\n    return 2\n')
    assert digest_of_top() not in (before, documented)


def test_modules_that_a_package_looks_for_are_part_of_its_code():
    """Families of networks are registered by their files alone, which no import names."""
    from gan.models import families

    path = Path(families.__file__)
    found = found_by_package("gan.models.families", path, path.read_bytes())
    assert {"gan.models.families.conv", "gan.models.families.vae"} <= set(found)
    assert "gan.models.families.__init__" not in found


def test_a_package_that_looks_for_nothing_has_only_what_it_imports():
    import gan.models

    path = Path(gan.models.__file__)
    assert found_by_package("gan.models", path, path.read_bytes()) == []
