"""This room reads what lenders have: event files and foreign tables become checked events, row by row or by column."""
