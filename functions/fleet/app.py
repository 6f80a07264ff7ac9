"""The operators' fleet: devices, how they are, and their lives. One file a resource; this one puts them together."""

import devices
import inventory
import lives

from scheduler.edge.http import Api, lambda_entry

app = Api()
app.include(devices.routes)
app.include(inventory.routes)
app.include(lives.routes)

handler = lambda_entry(app)
