"""HTTP in, first topic out: nothing here knows what an event means."""
