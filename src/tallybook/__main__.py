"""`python -m tallybook` is the same as `tallybook`."""

from tallybook.cli.main import main

if __name__ == "__main__":
    main()
