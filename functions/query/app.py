"""The look-ups: free devices, allocations, totals, health. One file a resource; this one puts them together."""

import allocations
import availability
import health

from scheduler.edge.http import Api, lambda_entry

app = Api()
app.include(availability.routes)
app.include(allocations.routes)
app.include(health.routes)

handler = lambda_entry(app)
