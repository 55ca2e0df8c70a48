"""This room holds the nouns of the domain, from the standard library alone: bounds, dates, events, lines, decisions."""
