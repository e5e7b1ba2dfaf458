"""`python -m train` is `fleetcast train`."""

import sys

from train.program import main

if __name__ == "__main__":
    sys.exit(main())
