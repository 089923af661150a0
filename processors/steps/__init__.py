"""The steps of processing: pure functions of event and state."""
