"""The commands: `python -m minigrad COMMAND`."""
