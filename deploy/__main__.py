"""``python -m deploy`` is ``headrace``: how the supervisor starts a tier with its own Python."""

from deploy.cli import main

main()
