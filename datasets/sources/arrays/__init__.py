"""Images that are stored as bare arrays: IDX and CIFAR files."""
