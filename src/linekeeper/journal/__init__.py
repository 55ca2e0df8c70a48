"""This room keeps what must last: the store of events, states and decisions, and the transparency log."""
