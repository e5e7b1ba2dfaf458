"""Finds the raw files and reads their rows as texts, from CSV in any dialect or from Parquet."""

from processing.raw_files.batch import Batch, RefusedRow
from processing.raw_files.find import RawFile, find_files
from processing.raw_files.parquet_columns import batch_of, cell_text, is_nested, quoted_name
from processing.raw_files.parquet_file import ParquetFile
from processing.raw_files.text_file import EmptyFileError, TextFile

__all__ = [
    "Batch",
    "EmptyFileError",
    "ParquetFile",
    "RawFile",
    "RefusedRow",
    "TextFile",
    "batch_of",
    "cell_text",
    "find_files",
    "is_nested",
    "quoted_name",
]
