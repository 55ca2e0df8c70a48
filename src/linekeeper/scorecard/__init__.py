"""This room holds the additive scorecard: bins and points, the score of one or of many accounts, the PD table."""
