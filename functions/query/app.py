"""The look-ups: free devices, allocations, totals, health. One file a resource; this one puts them together."""

import allocations
import availability
import health

from scheduler.edge.http import create_api, lambda_entry

app = create_api()
app.include_router(availability.router)
app.include_router(allocations.router)
app.include_router(health.router)

handler = lambda_entry(app)
