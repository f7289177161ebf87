drop index igny8_tenants_clock_idx;
alter table igny8_tenants drop constraint igny8_tenants_clock_check;
alter table igny8_tenants drop column clock_at;
