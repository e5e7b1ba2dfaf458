"""A channel of customers goes in; one archive per customer and a ledger of what happened come out."""
