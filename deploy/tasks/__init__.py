"""Scheduled tasks: kept, timed, run in a sandbox, and their events published as an edge's."""
