-- The end of what was deleted: sites whose time to be restored is over, and sectors.

-- When the site's content was removed for good. The row itself stays, because lines of the ledger refer to
-- it; it says nothing any more and never comes back.
alter table igny8_sites add column purged_at timestamptz;
alter table igny8_sites add constraint igny8_sites_purged_check
    check (purged_at is null or (deleted_at is not null and restore_until <= purged_at));

-- For the search among all accounts.
create index igny8_sites_purge_idx on igny8_sites (restore_until) where deleted_at is not null and purged_at is null;
create index igny8_sectors_purge_idx on igny8_sectors (restore_until) where deleted_at is not null;
-- For the list of an account's deleted sites.
create index igny8_sites_deleted_idx on igny8_sites (tenant_id, deleted_at, id) where deleted_at is not null and purged_at is null;

-- The functions below run as their owner, whom row-level security binds as it binds everybody: this lets
-- it find what was deleted in any account. What it changes, it changes in the connection's account alone.
create policy purge on igny8_sites for select to igny8_owner using (deleted_at is not null);
create policy purge on igny8_sectors for select to igny8_owner using (deleted_at is not null);

-- The accounts after the given one that have sites or sectors whose time is over, by the caller's clock and
-- by the database's, in order: so many, and their numbers alone.
create function igny8_purge_due(at timestamptz, after bigint, most integer) returns setof bigint
    language plpgsql stable security definer set search_path = public, pg_temp as $$
begin
    at := least(at, now());
    return query select tenant_id from (
        select tenant_id from igny8_sites
        where deleted_at is not null and purged_at is null and restore_until <= at and tenant_id > after
        union
        select tenant_id from igny8_sectors
        where deleted_at is not null and restore_until <= at and tenant_id > after
    ) due order by tenant_id limit most;
end $$;

-- Removes what is due in the connection's account, at most so many rows of each kind that there can be many
-- of: the application has no right of its own to remove them, and none to do it before the time, whatever its
-- clock says. The account must be locked. It gives the sites that are done with, how many sectors went that
-- had been removed from sites, and whether to call again.
create function igny8_purge_sites(account bigint, at timestamptz, most integer, out sites bigint[], out sectors integer, out more boolean)
    language plpgsql security definer set search_path = public, pg_temp as $$
declare
    due bigint[];
    events integer;
begin
    at := least(at, now());
    sites := '{}';
    delete from igny8_sectors where tenant_id = account and id in (
        select id from igny8_sectors
        where tenant_id = account and deleted_at is not null and restore_until <= at order by id limit most);
    get diagnostics sectors = row_count;

    due := array(
        select id from igny8_sites
        where tenant_id = account and deleted_at is not null and purged_at is null and restore_until <= at order by id limit most);
    delete from igny8_sync_events where tenant_id = account and id in (
        select id from igny8_sync_events where tenant_id = account and site_id = any (due) limit most);
    get diagnostics events = row_count;
    if events < most then
        delete from igny8_sectors where tenant_id = account and site_id = any (due);
        delete from igny8_site_user_access where tenant_id = account and site_id = any (due);
        delete from igny8_wordpress_connections where tenant_id = account and site_id = any (due);
        delete from igny8_site_api_keys where tenant_id = account and site_id = any (due);
        with done as (
            update igny8_sites
            set name = '(deleted)', slug = 'deleted-' || id, domain = '', industry_id = null, status = 'inactive', is_active = false,
                updated_at = at, purged_at = at
            where tenant_id = account and id = any (due)
            returning id
        )
        select coalesce(array_agg(id order by id), '{}') into sites from done;
    end if;
    more := sectors = most or events = most or cardinality(sites) = most;
end $$;

revoke all on function igny8_purge_due(timestamptz, bigint, integer) from public;
revoke all on function igny8_purge_sites(bigint, timestamptz, integer) from public;
grant execute on function igny8_purge_due(timestamptz, bigint, integer) to igny8_app;
grant execute on function igny8_purge_sites(bigint, timestamptz, integer) to igny8_app;
