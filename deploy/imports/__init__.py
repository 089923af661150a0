"""``headrace import``: files of any size into an event source, each row once."""
