drop table igny8_audit_events;
