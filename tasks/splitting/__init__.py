"""What split is made of: blocks that stay together, where each goes, what was published before, and even classes."""
