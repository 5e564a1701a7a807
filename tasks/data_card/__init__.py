"""README.md of a published version: what is in it, how it came to be, and what it must not be taken for."""
