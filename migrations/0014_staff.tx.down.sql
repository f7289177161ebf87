drop index igny8_tenants_created_idx;
alter table igny8_audit_events drop constraint igny8_audit_events_impersonation_fkey;
alter table igny8_audit_events drop column impersonation_id;
drop table igny8_impersonations;
