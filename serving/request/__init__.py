"""From the bytes of a request to the bytes of its response, the same on every stack."""

from serving.request.bodies import plain
from serving.request.media_types import CSV, JSON, JSON_LINES
from serving.request.records import COLUMNS
from serving.request.respond import Answer, Find, answer, answer_in_steps, refusal, turns
from serving.request.schema import MOST_RECORDS, Request, decode, encode, field_table
from serving.request.steps import finished
from serving.request.target_header import Headers, customer_of, target_of

__all__ = [
    "COLUMNS",
    "CSV",
    "JSON",
    "JSON_LINES",
    "MOST_RECORDS",
    "Answer",
    "Find",
    "Headers",
    "Request",
    "answer",
    "answer_in_steps",
    "customer_of",
    "decode",
    "encode",
    "field_table",
    "finished",
    "plain",
    "refusal",
    "target_of",
    "turns",
]
