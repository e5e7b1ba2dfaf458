"""`python -m serving` is `fleetcast serve`."""

import sys

from serving.program import main

if __name__ == "__main__":
    sys.exit(main())
