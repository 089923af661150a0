"""Topic to table: what was processed, stored once."""
