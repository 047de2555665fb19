"""What each product in front says of the answers that it makes itself.

One module a product, each with `lines()`: a part of the decision table.
"""

__all__ = ["PLATFORMS"]

#: Formats of platforms: behind their edge stands the application itself.
PLATFORMS = ["cloud_run", "heroku_router", "railway", "vercel"]
