"""`python -m fleetcast.forecasting` checks the numeric core on this machine; exit code 1 if it is wrong."""

import sys

from fleetcast.forecasting.self_check import findings


def main() -> int:
    """Print a line per finding and return the exit code."""
    comparisons = list(findings())
    sys.stdout.writelines(f"{finding}\n" for finding in comparisons)
    return 0 if all(finding.ok for finding in comparisons) else 1


if __name__ == "__main__":
    sys.exit(main())
