"""Tables, migrations, reading the book, writing the facts, queries. SQLAlchemy Core, synchronous, and nowhere else."""
