"""One policy, one kernel: generated integer code over a flat state, interpreted or compiled."""
