"""Reservations: promised windows. One file a purpose; this one puts them together."""

import bookings
import reservations
import windows

from scheduler.edge.http import create_api, lambda_entry

app = create_api()
app.include_router(bookings.router)
app.include_router(windows.router)
app.include_router(reservations.router)

handler = lambda_entry(app)
