drop function igny8_purge_sites(bigint, timestamptz, integer);
drop function igny8_purge_due(timestamptz, bigint, integer);
drop policy purge on igny8_sectors;
drop policy purge on igny8_sites;
drop index igny8_sites_deleted_idx;
drop index igny8_sectors_purge_idx;
drop index igny8_sites_purge_idx;
alter table igny8_sites drop constraint igny8_sites_purged_check;
alter table igny8_sites drop column purged_at;
