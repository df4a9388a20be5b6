"""Say in one line why this Python will not do. Any Python, however old, can run this file."""

import sys

LOWEST = (3, 11)
BELOW = {"2.11": (3, 13)}.get(sys.argv[1])  # where a line of Airflow ends

found = sys.version_info[:2]
wanted = "3.11 or later" if BELOW is None else "3.11 or 3.12"
if found < LOWEST or (BELOW is not None and found >= BELOW):
    sys.exit(
        "error: {} is Python {}.{}, and Airflow {} wants {} here. Name one: make PYTHON=python3.12".format(
            sys.executable, found[0], found[1], sys.argv[1], wanted
        )
    )
