"""Reservations: promised windows. One file a purpose; this one puts them together."""

import bookings
import reservations
import windows

from scheduler.edge.http import Api, lambda_entry

app = Api()
app.include(bookings.routes)
app.include(windows.routes)
app.include(reservations.routes)

handler = lambda_entry(app)
