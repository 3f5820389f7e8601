"""What is true of points, orders, tiers and dates. Pure: the standard library and msgspec structs only."""
