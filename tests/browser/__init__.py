"""Trackers in a real browser, on pages of another origin than the ingest's."""
