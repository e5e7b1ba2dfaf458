"""The documentation: pages in Markdown, and the script that fills the tables of the reference."""
