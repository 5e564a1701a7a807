"""A folder of images that changes as people's folders do."""

import shutil

CLASSES = "abc"


class ChangingImages:
    """`names` are the files in it, broken ones and copies included."""

    def __init__(self, folder, payload, rng, per_class):
        self._folder, self._payload, self._rng = folder, payload, rng
        self._made = 0
        for name in CLASSES:
            (folder / name).mkdir(parents=True)
            for _ in range(per_class):
                self._write(self._new(name))

    @property
    def names(self):
        return {path.relative_to(self._folder).as_posix() for path in self._folder.glob("*/*.png")}

    def change(self):
        """Some files more and less, one that is another now, one cut off, one copied, and one moved to another name."""
        for name in CLASSES:
            self._write(self._new(name))
            self._write(self._new(name))
            self._any(name).unlink()
        self._write(self._any(self._rng.choice(CLASSES)))
        cut = self._any(self._rng.choice(CLASSES))
        cut.write_bytes(cut.read_bytes()[:60])
        name = self._rng.choice(CLASSES)
        shutil.copy(self._any(name), self._new(name))
        moved = self._any(self._rng.choice(CLASSES))
        moved.rename(moved.with_name(f"moved-{moved.name}"))

    def _any(self, name):
        return self._rng.choice(sorted((self._folder / name).glob("*.png")))

    def _new(self, name):
        self._made += 1
        return self._folder / name / f"{self._made:04}.png"

    def _write(self, path):
        self._made += 1
        path.write_bytes(self._payload(CLASSES.index(path.parent.name), self._made))
