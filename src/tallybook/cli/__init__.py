"""The `tallybook` command line: serve, demo, verify and the rest."""
