"""The demo: real purchases, replayed against a running server over its public API.

It knows the server by HTTP alone, as an integration would: it subscribes a webhook receiver of its own, sets up a programme,
posts the purchases as paid orders in the order of their dates while it moves the project's test clock, verifies the signature
of every webhook, and prints what became of the customers, with the proof that ledger, lots and balances agree.

Credits: the purchases are the CDNOW data set of Peter S. Fader and Bruce G. S. Hardie (2001), "Forecasting Repeat Sales at
CDNOW: A Case Study", Interfaces 31 (3, part 2), S94-S107: the first purchases of a cohort of 1997, and all their later ones
up to June 1998. `cdnow_sample.txt` holds every tenth of its 23,570 customers, with all of their purchases.
"""
