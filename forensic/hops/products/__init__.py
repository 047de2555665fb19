"""What each product in front says of the answers that it makes itself.

One module a product, each with `lines()`: a part of the decision table.
"""
