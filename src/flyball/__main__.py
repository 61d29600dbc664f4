"""``python -m flyball`` is the `flyball` command."""

from flyball.cli.main import main

if __name__ == "__main__":
    main()
