"""The command line's commands, each imported when it is used."""
