"""``python -m flyball.console``: the console as a process of its own."""

from flyball.console.command import main

if __name__ == "__main__":
    main()
