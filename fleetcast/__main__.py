"""`python -m fleetcast` is the script `fleetcast`."""

import sys

from fleetcast.command import main

if __name__ == "__main__":
    sys.exit(main())
