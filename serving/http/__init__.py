"""The plain endpoint: Flask behind gunicorn."""
