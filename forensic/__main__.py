"""`python -m forensic`."""

from forensic.cli import main

if __name__ == "__main__":
    main()
