"""Webhooks on their way: claim, sign, send, record; the retry policy; the guarded HTTP client."""
