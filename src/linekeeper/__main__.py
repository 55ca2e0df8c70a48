"""`python -m linekeeper` is the command `linekeeper`."""

from linekeeper.cli.main import main

if __name__ == "__main__":
    main()
