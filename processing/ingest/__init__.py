"""The program `ingest`: puts raw readings into a SageMaker feature group, or deletes customers' readings."""
