"""Data sets that a library downloads by name."""
