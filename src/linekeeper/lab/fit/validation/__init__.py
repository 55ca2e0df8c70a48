"""The validation of a card that is done: what a model risk team asks of it, on rows that its fit has not seen."""
