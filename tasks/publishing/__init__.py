"""How a version gets to where it is published, and what is asked and changed there afterwards."""
