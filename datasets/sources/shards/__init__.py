"""Shards: tar files of WebDataset, TFRecord files in the TFDS layout."""
