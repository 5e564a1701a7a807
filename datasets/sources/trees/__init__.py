"""Where files lie: a folder of this machine, an archive, or a folder at a remote address."""
