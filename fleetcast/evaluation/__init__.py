"""How good a forecast is: the field's measures, each with one definition."""
