"""``python -m covlasso`` is the command line, which ``torchrun -m covlasso`` needs."""

from covlasso.cli import main

if __name__ == "__main__":
    main()
