"""What scan does with a partition of images: read, decode, look, prepare and pack each."""
