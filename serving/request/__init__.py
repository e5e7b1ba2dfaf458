"""From the bytes of a request to the bytes of its response, the same on every stack."""

from serving.request.bodies import decode_body
from serving.request.budget import RequestBudget
from serving.request.invocation import Invocation, respond, respond_in_steps
from serving.request.media_types import CSV, JSON, JSON_LINES
from serving.request.records import COLUMNS_WITHOUT_HEADER
from serving.request.response import Response, error_response
from serving.request.schema import MAX_RECORDS, Request, decode, encode, field_table
from serving.request.target import RecordModel, RouteModel
from serving.request.target_header import Headers, customer_from_headers, target_model_from_headers

__all__ = [
    "COLUMNS_WITHOUT_HEADER",
    "CSV",
    "JSON",
    "JSON_LINES",
    "MAX_RECORDS",
    "Headers",
    "Invocation",
    "RecordModel",
    "Request",
    "RequestBudget",
    "Response",
    "RouteModel",
    "customer_from_headers",
    "decode",
    "decode_body",
    "encode",
    "error_response",
    "field_table",
    "respond",
    "respond_in_steps",
    "target_model_from_headers",
]
