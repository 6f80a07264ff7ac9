-- The operators' list of devices by id, and what is done for devices that are out of service.

-- By tenant and type: a kind each. Devices that are neither in service nor running are few, and cost a claim nothing.
CREATE INDEX devices_by_class ON devices (class_id, id);
CREATE INDEX devices_out_of_service ON devices (life, id) WHERE life <> 'in_service';
CREATE INDEX devices_not_running ON devices (status, id) WHERE status <> 'running';
-- Devices that are being wiped, the longest first.
CREATE INDEX devices_recycling ON devices (recycling_since) WHERE life = 'recycling';
-- What runs on a device that must serve nobody any more: it is to be moved.
CREATE INDEX devices_to_clear ON devices (life, id) WHERE life IN ('quarantined', 'deleted') AND active_allocation_id IS NOT NULL;
