"""Raw files to rows of texts, whatever their format and dialect."""
