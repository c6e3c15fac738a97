"""``python -m robustkd``."""

from robustkd.cli import main

if __name__ == "__main__":
    main()
