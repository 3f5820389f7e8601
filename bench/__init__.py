"""What Tallybook reaches, and how to measure it again: `python -m bench`. Everything here acts from outside, over HTTP."""
