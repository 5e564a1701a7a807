"""Downloads of many URLs that come from strangers: bounded, polite, and never into this machine's own network."""
