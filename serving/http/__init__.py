"""The plain endpoint: Flask behind gunicorn."""

from serving.http.gunicorn_server import serve

__all__ = ["serve"]
