"""Archives and requests go in, forecasts come out, over HTTP."""
