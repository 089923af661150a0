"""The bounded disk queue: what is accepted while the broker is away waits here, in order."""
