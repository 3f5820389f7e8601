"""The queue of commands and the batch: read, decide, write, commit, reply."""
