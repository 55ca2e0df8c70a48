"""This room runs a kernel over events and has no effects: batches, replays, late events, corrections, the breaker."""
