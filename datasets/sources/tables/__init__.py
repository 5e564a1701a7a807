"""Tables: of labels, of addresses, and with images in them."""
