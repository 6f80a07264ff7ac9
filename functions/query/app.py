"""The look-ups: free devices, allocations and why, totals, quotas, health. One file a resource, put together here."""

import allocations
import availability
import explanations
import health
import quotas

from scheduler.edge.http import Api, lambda_entry

app = Api()
app.include(availability.routes)
app.include(allocations.routes)
app.include(explanations.routes)
app.include(quotas.routes)
app.include(health.routes)

handler = lambda_entry(app)
