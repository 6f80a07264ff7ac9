"""The operators' fleet: devices, how they are, and their lives. One file a resource; this one puts them together."""

import devices
import inventory
import lives

from scheduler.edge.http import create_api, lambda_entry

app = create_api()
app.include_router(devices.router)
app.include_router(inventory.router)
app.include_router(lives.router)

handler = lambda_entry(app)
