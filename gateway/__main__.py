"""`onevoice` and `python -m gateway`."""

from gateway.cli import cli


def main() -> None:
    cli(prog_name="onevoice")


if __name__ == "__main__":
    main()
