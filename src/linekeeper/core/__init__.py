"""Nouns of the domain: money and its bounds, time, events, lines, decisions, errors. Standard library only."""
