"""The shapes of the Voucherify v1 API and its webhooks: record to struct and back, nothing else."""
