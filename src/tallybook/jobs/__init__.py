"""What feeds commands or queries by the clock or in bulk: the midnight sweep, the making of cards, exports."""
