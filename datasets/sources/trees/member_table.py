"""The files of an archive in little memory: the name and some numbers each, found by number or by name.

Holds about 45 bytes for each file and its name, a fifth of what a dictionary of them would take.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator

import numpy as np

from datasets.errors import BadInput
from datasets.sources.base import MAX_MEMBER_BYTES, PROBLEMS
from datasets.sources.trees.archive_names import is_hidden, safe_name

MAX_NAMED_FOLDERS = 10
_CODES: tuple[str | None, ...] = (None, *PROBLEMS)
_NUMBER_OF = {code: number for number, code in enumerate(_CODES)}


class MemberTable:
    """Filled by `add`, closed by `seal`, read after that. Members are unique and safe to show."""

    def __init__(self) -> None:
        self.sizes = array("q")
        self._problems = array("B")
        self._names = bytearray()
        self._ends = array("q")
        self._hashes = array("q")
        self._order = array("I")
        self._new_names: dict[int, str] = {}
        self._renamed: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._ends)

    def add(self, name: str, size_bytes: int, problem: str | None) -> None:
        """The next file, by its name in the archive; bytes of it that are no UTF-8 stand in it as surrogates.

        What is wrong with the name comes before all else.
        """
        member, safe = safe_name(name)
        if not safe:
            problem = "unsafe_name"
        try:
            stored_name = member.encode("utf-8")
        except UnicodeEncodeError:
            problem = problem if not safe else "name_not_utf8"
            member = member.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
            stored_name = member.encode("utf-8")
        if problem is None and size_bytes > MAX_MEMBER_BYTES:
            problem = "file_too_large"
        self._names += stored_name
        self._ends.append(len(self._names))
        self._hashes.append(hash(member))
        self.sizes.append(size_bytes)
        self._problems.append(_NUMBER_OF[problem])

    def seal(self) -> None:
        """Sort for `find`, and give every later file of one name a name of its own."""
        hashes = np.array(self._hashes, np.int64)
        order = np.argsort(hashes, kind="stable")
        ordered = hashes[order]
        self._order = array("I", order.astype(np.uintc).tobytes())
        self._hashes = array("q", ordered.tobytes())
        self._rename(np.flatnonzero(ordered[1:] == ordered[:-1]))

    def name(self, number: int) -> str:
        """The unique name of a file."""
        return self._new_names.get(number) or self._stored_name(number)

    def find(self, name: str) -> int | None:
        """The number of the file of this name."""
        if name in self._renamed:
            return self._renamed[name]
        wanted = hash(name)
        place = bisect_left(self._hashes, wanted)
        while place < len(self._hashes) and self._hashes[place] == wanted:
            if self._stored_name(self._order[place]) == name:
                return self._order[place]
            place += 1
        return None

    def readable(self, name: str, place: str) -> int:
        """The number of a file that can be read. Raises OSError for one that is not there or has a problem."""
        number = self.find(name)
        if number is None:
            raise FileNotFoundError(f"{place}: it holds no file {name!r}")
        problem = self.problem(number)
        if problem:
            raise OSError(f"{place}: {name!r} in it cannot be read: {PROBLEMS[problem].sentence}")
        return number

    def problem(self, number: int) -> str | None:
        """What is wrong with a file, apart from being hidden."""
        return _CODES[self._problems[number]]

    def below(self, root: str, place: str) -> Iterator[tuple[int, str, str | None]]:
        """Number, path and problem of every file below a folder of the archive, in its order.

        Raises BadInput where there is no such folder.
        """
        prefix = f"{root}/" if root else ""
        first = next((number for number in range(len(self)) if self.name(number).startswith(prefix)), None)
        if first is None and root:
            raise BadInput(f"{place}: it holds no folder {root!r} with files in it; {self._folders()}")
        return self._from(first or 0, prefix)

    def _from(self, first: int, prefix: str) -> Iterator[tuple[int, str, str | None]]:
        for number in range(first, len(self)):
            name = self.name(number)
            if name.startswith(prefix):
                member, problem = name[len(prefix) :], self.problem(number)
                yield number, member, "hidden_file" if problem != "unsafe_name" and is_hidden(member) else problem

    def _stored_name(self, number: int) -> str:
        return self._names[self._ends[number - 1] if number else 0 : self._ends[number]].decode("utf-8")

    def _rename(self, twins: "np.ndarray[tuple[int], np.dtype[np.intp]]") -> None:
        """`twins`: places in the order of hashes whose hash comes again right after. Files of a run come as listed."""
        counts: dict[str, int] = {}
        for place in twins.tolist():
            number = self._order[place + 1]
            name = self._stored_name(number)
            if self.find(name) != number:
                counts[name] = self._next_free(name, counts.get(name, 1) + 1)
                self._new_names[number] = f"{name}~{counts[name]}"
                self._renamed[self._new_names[number]] = number
                self._problems[number] = self._problems[number] or _NUMBER_OF["duplicate_name"]

    def _next_free(self, name: str, count: int) -> int:
        while self.find(f"{name}~{count}") is not None:
            count += 1
        return count

    def _folders(self) -> str:
        """What to choose from, e.g. `its folders are cat, dog`."""
        names = (self.name(number).partition("/") for number in range(len(self)))
        folders = dict.fromkeys(folder for folder, slash, _ in names if slash and not is_hidden(folder))
        if not folders:
            return "it has no folders, so give the archive alone"
        more = f" and {len(folders) - MAX_NAMED_FOLDERS} more" if len(folders) > MAX_NAMED_FOLDERS else ""
        return f"its folders are {', '.join(list(folders)[:MAX_NAMED_FOLDERS])}{more}"
