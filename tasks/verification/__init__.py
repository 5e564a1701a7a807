"""What `augment-dataset verify` checks: the records of each shard, the files beside them, the manifest."""
