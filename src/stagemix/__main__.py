"""`python -m stagemix` is the `stagemix` command."""

from stagemix.cli.main import main

if __name__ == "__main__":
    main()
