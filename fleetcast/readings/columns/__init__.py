"""A column of texts to numbers or to times, with a reason for each text that is refused."""
