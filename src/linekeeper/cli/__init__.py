"""This room is the command line: each module registers a group of commands and loads heavy libraries inside them."""
