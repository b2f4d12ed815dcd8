"""``python -m overica``, the command line."""

from overica.cli import main

if __name__ == "__main__":
    main(prog_name="overica")
