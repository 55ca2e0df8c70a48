"""This room is the only one with effects: it receives events, reviews accounts, authorises draws, and verifies."""
