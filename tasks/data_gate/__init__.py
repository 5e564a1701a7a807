"""What the data gate measures: classes, leaks between splits, diversity, and changes since the last version."""
