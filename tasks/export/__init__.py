"""Write a published version again in formats of other libraries. TFRecord shards stay what this project publishes."""
