"""The look-ups: free devices, allocations, totals, quotas, health. One file a resource; this one puts them together."""

import allocations
import availability
import health
import quotas

from scheduler.edge.http import Api, lambda_entry

app = Api()
app.include(availability.routes)
app.include(allocations.routes)
app.include(quotas.routes)
app.include(health.routes)

handler = lambda_entry(app)
