"""Where a version comes from: from the source through settings, code, checkpoint and seeds to its shards."""
