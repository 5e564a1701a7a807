"""Near copies among images, on hashes and thumbnails: `hash_join` proposes, `likeness` and `alignment` confirm."""
