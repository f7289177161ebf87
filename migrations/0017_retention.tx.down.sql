drop function igny8_purge_people(bigint, timestamptz, integer);
drop function igny8_accounts_with_people_over(timestamptz, bigint, integer);
drop function igny8_purge_finish(bigint);
drop function igny8_purge_audit(bigint, bigint, integer);
drop function igny8_purge_ledger(bigint, bigint, integer);
drop function igny8_purge_sync_events(bigint, integer);
drop function igny8_purge_account(bigint);
drop function igny8_account_is_over(bigint);
create or replace function igny8_append_only() returns trigger language plpgsql as $$
begin
    raise exception 'the table % is only ever added to', tg_table_name using errcode = 'integrity_constraint_violation';
end $$;
drop policy purge on igny8_users;
drop index igny8_users_purge_idx;
drop index igny8_tenants_purge_idx;
alter table igny8_users drop constraint igny8_users_purged_check;
alter table igny8_users drop column purged_at;
alter table igny8_tenants drop constraint igny8_tenants_purged_check;
alter table igny8_tenants drop column purged_at;
