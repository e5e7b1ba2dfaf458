"""From one customer's readings and settings to the estimation problem that the solver gets."""
