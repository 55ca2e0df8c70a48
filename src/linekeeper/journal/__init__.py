"""What is kept: the store (events, states, decisions) and the transparency log."""
