"""One verb per file: the command, what it needs to know, how it decides. Pure: imports the domain only."""
