# The same on the command line, with the file that stranger.py wrote.
set -e
linekeeper check docs/examples/cash-line.yaml
linekeeper run docs/examples/cash-line.yaml events.csv --until 2025-05-20 --store sqlite:///stranger-shell.db
linekeeper show A --store sqlite:///stranger-shell.db
linekeeper explain A --store sqlite:///stranger-shell.db
linekeeper road A --store sqlite:///stranger-shell.db
