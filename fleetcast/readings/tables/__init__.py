"""A text file to rows and cells: compression, encoding, delimiter, header."""
