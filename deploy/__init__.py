"""Where the rooms are joined and run: command line, settings, the one-machine stack."""
