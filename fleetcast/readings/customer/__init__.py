"""One customer's file, CSV or Parquet, to arrays."""
