"""The program `train`: fits one model per customer and writes one archive for each."""
