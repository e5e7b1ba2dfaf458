"""`python -m processing` is `fleetcast process`."""

import sys

from processing.program import main

if __name__ == "__main__":
    sys.exit(main())
