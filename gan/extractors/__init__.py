"""Feature extractors: networks whose features are compared. `opening.open_extractor` is the door.

`base` says what an extractor is, `settings` which there are, `folds` which real images each network may see. `embedded`
holds those that need no file (with `random_conv` and `self_supervised`); `inception`, `keras_application` and
`model_file` those that do. `weights` is where such files come from, `resizing` how images get the size that a network
wants.
"""
