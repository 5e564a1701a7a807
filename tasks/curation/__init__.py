"""What curate decides with: hashes, measures and thumbnails of the manifest, and what the user says of images."""
