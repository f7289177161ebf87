-- The end of accounts and of people: when their time to be restored is over, personal data and content go
-- for good. What is left says that something was, when, and what it counted: the ledger adds up as before,
-- payments and invoices stay, and so does who did what.
--
-- The application has no right to any of it. It asks the functions below, which judge by the database's own
-- clock whether the time is over, and of which none can change a number, whoever calls it.

-- When the last of it was removed for good. What is gone never comes back.
alter table igny8_tenants add column purged_at timestamptz;
alter table igny8_tenants add constraint igny8_tenants_purged_check check (purged_at is null or deleted_at is not null);
alter table igny8_users add column purged_at timestamptz;
alter table igny8_users add constraint igny8_users_purged_check check (purged_at is null or deleted_at is not null);

-- For the search among all accounts.
create index igny8_tenants_purge_idx on igny8_tenants (restore_until) where deleted_at is not null and purged_at is null;
create index igny8_users_purge_idx on igny8_users (restore_until) where deleted_at is not null and purged_at is null;

-- The functions run as their owner, whom row-level security binds as it binds everybody: this lets it find
-- who was removed in any account. What it changes, it changes in the connection's account alone.
create policy purge on igny8_users for select to igny8_owner using (deleted_at is not null);

-- A ledger line's words can be taken out of it, by a function of the owner's (security definer) in a
-- statement for which it has said so by app.scrub_ledger; what it counts, for whom and when stays even then. Everything else is as it was.
create or replace function igny8_append_only() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and tg_table_name = 'igny8_credit_transactions'
       and current_user = 'igny8_owner' and current_setting('app.scrub_ledger', true) = 'on' then
        -- Apart, because other tables have no such columns.
        if new.description = '' and new.metadata = '{}'
           and to_jsonb(new) - array['description', 'metadata'] = to_jsonb(old) - array['description', 'metadata'] then
            return new;
        end if;
    end if;
    raise exception 'the table % is only ever added to', tg_table_name using errcode = 'integrity_constraint_violation';
end $$;

-- Whether the connection's account was deleted and its time is over, and is not done with. If so, the account
-- is locked until the transaction ends; one that somebody else has locked is left to them.
create function igny8_account_is_over(account bigint) returns boolean
    language plpgsql set search_path = public, pg_temp as $$
begin
    perform from igny8_tenants
    where id = account and not is_system and deleted_at is not null and restore_until <= now() and purged_at is null
    for no key update skip locked;
    return found;
end $$;

-- Each of the next functions does a part of an account's end, and does it again without harm. They give null
-- where the account's time is not over, it is done with, or somebody else is at it.

-- The first part is who they were and what they could get in by, at once: from here on nothing can bring the
-- account back. The rows of people, sites and payments stay without it, because the ledger refers to them.
create function igny8_purge_account(account bigint) returns boolean
    language plpgsql security definer set search_path = public, pg_temp as $$
begin
    if not igny8_account_is_over(account) then
        return null;
    end if;
    delete from igny8_login_directory where tenant_id = account;
    delete from igny8_slug_directory where tenant_id = account;
    delete from igny8_api_key_directory where tenant_id = account;
    delete from igny8_site_api_keys where tenant_id = account;
    delete from igny8_wordpress_connections where tenant_id = account;
    delete from igny8_site_user_access where tenant_id = account;
    delete from igny8_sectors where tenant_id = account;
    delete from igny8_invitations where tenant_id = account;
    delete from igny8_mail_tokens where tenant_id = account;
    delete from igny8_mails where tenant_id = account;
    delete from igny8_sessions where tenant_id = account;
    update igny8_impersonations set reason = '(deleted)', ended_at = coalesce(ended_at, now()) where tenant_id = account;

    update igny8_sites as site
    set name = '(deleted)', slug = 'deleted-' || site.id, domain = '', industry_id = null, status = 'inactive', is_active = false,
        updated_at = now(), purged_at = now(), deleted_at = coalesce(site.deleted_at, a.deleted_at),
        restore_until = least(site.restore_until, a.restore_until)
    from igny8_tenants as a
    where a.id = account and site.tenant_id = account and site.purged_at is null;
    update igny8_users as person
    set email = 'deleted-' || person.id || '@deleted.invalid', name = '', password_hash = null, email_verified_at = null,
        last_login_at = null, updated_at = now(), purged_at = now(), deleted_at = coalesce(person.deleted_at, a.deleted_at),
        restore_until = least(person.restore_until, a.restore_until)
    from igny8_tenants as a
    where a.id = account and person.tenant_id = account and person.purged_at is null;

    update igny8_payments
    set payer_name = null, proof_url = null, instructions = '', updated_at = now(),
        rejection_reason = case when rejection_reason is not null then '(deleted)' end
    where tenant_id = account;
    update igny8_subscriptions set stripe_subscription_id = null, updated_at = now() where tenant_id = account;
    update igny8_tenants
    set name = '(deleted)', slug = 'deleted-' || id, status_reason = '', billing_email = null, billing_address = '{}',
        stripe_customer_id = null, updated_at = now()
    where id = account;
    return true;
end $$;

-- What was synced with the sites: at most so many rows. It gives how many went.
create function igny8_purge_sync_events(account bigint, most integer) returns bigint
    language plpgsql security definer set search_path = public, pg_temp as $$
declare
    gone bigint;
begin
    if not igny8_account_is_over(account) then
        return null;
    end if;
    delete from igny8_sync_events where tenant_id = account and id in (
        select id from igny8_sync_events where tenant_id = account order by id limit most);
    get diagnostics gone = row_count;
    return gone;
end $$;

-- The words of the ledger: of so many lines after the one with the given id. It gives the last one's id, 0
-- where none was left.
create function igny8_purge_ledger(account bigint, past bigint, most integer) returns bigint
    language plpgsql security definer set search_path = public, pg_temp as $$
declare
    ids bigint[];
begin
    if not igny8_account_is_over(account) then
        return null;
    end if;
    ids := array(select id from igny8_credit_transactions where tenant_id = account and id > past order by id limit most);
    perform set_config('app.scrub_ledger', 'on', true);
    update igny8_credit_transactions set description = '', metadata = '{}'
    where tenant_id = account and id = any (ids) and (description <> '' or metadata <> '{}');
    perform set_config('app.scrub_ledger', 'off', true);
    return coalesce(ids[cardinality(ids)], 0);
end $$;

-- What the log says beyond who did what, on what and when: of so many events after the one with the given id. It
-- gives the last one's id, 0 where none was left.
create function igny8_purge_audit(account bigint, past bigint, most integer) returns bigint
    language plpgsql security definer set search_path = public, pg_temp as $$
declare
    ids bigint[];
begin
    if not igny8_account_is_over(account) then
        return null;
    end if;
    ids := array(select id from igny8_audit_events where tenant_id = account and id > past order by id limit most);
    perform set_config('app.scrub_audit', 'on', true);
    update igny8_audit_events set before = null, after = null, ip = '', user_agent = '', request_id = ''
    where tenant_id = account and id = any (ids)
      and (before is not null or after is not null or ip <> '' or user_agent <> '' or request_id <> '');
    perform set_config('app.scrub_audit', 'off', true);
    return coalesce(ids[cardinality(ids)], 0);
end $$;

-- The last part says that the account is done with, if that is so; false where something came in meanwhile.
create function igny8_purge_finish(account bigint) returns boolean
    language plpgsql security definer set search_path = public, pg_temp as $$
begin
    if not igny8_account_is_over(account) then
        return null;
    end if;
    if exists (select from igny8_users where tenant_id = account and purged_at is null)
       or exists (select from igny8_sites where tenant_id = account and purged_at is null)
       or exists (select from igny8_sync_events where tenant_id = account)
       or exists (select from igny8_credit_transactions where tenant_id = account and (description <> '' or metadata <> '{}'))
       or exists (select from igny8_audit_events where tenant_id = account
                  and (before is not null or after is not null or ip <> '' or user_agent <> '' or request_id <> '')) then
        return false;
    end if;
    update igny8_tenants set purged_at = now() where id = account;
    return true;
end $$;

-- The accounts after the given one that have people who were removed and whose time is over, by the caller's
-- clock and by the database's, in order: so many, and their numbers alone.
create function igny8_accounts_with_people_over(at timestamptz, past bigint, most integer) returns setof bigint
    language plpgsql stable security definer set search_path = public, pg_temp as $$
begin
    return query select distinct tenant_id from igny8_users
        where deleted_at is not null and purged_at is null and restore_until <= least(at, now()) and tenant_id > past
        order by tenant_id limit most;
end $$;

-- Removes the personal data of people of the connection's account who were removed from it and whose time is
-- over: of at most so many, whose ids it gives. Of the events that they caused or that are about them, what
-- names them goes; what an admin of the account needs to know stays.
create function igny8_purge_people(account bigint, at timestamptz, most integer) returns setof bigint
    language plpgsql security definer set search_path = public, pg_temp as $$
declare
    ids bigint[];
    emails text[];
    letters bigint[];
begin
    -- First, as every command does.
    perform from igny8_tenants where id = account for no key update;
    select coalesce(array_agg(id order by id), '{}'), coalesce(array_agg(email), '{}') into ids, emails from (
        select id, email from igny8_users
        where tenant_id = account and deleted_at is not null and purged_at is null and restore_until <= least(at, now())
        order by id limit most
    ) as person;
    delete from igny8_login_directory where tenant_id = account and user_id = any (ids);
    delete from igny8_sessions where tenant_id = account and user_id = any (ids);
    delete from igny8_mail_tokens where tenant_id = account and user_id = any (ids);
    delete from igny8_site_user_access where tenant_id = account and user_id = any (ids);
    -- An invitation that is open may be about their return.
    with gone as (
        delete from igny8_invitations
        where tenant_id = account
          and (accepted_by = any (ids) or accepted_by is null and (revoked_at is not null or expires_at <= now()) and email = any (emails))
        returning id
    )
    select coalesce(array_agg(id), '{}') into letters from gone;

    perform set_config('app.scrub_audit', 'on', true);
    update igny8_audit_events set ip = '', user_agent = '', request_id = ''
    where tenant_id = account and actor_kind = 'user' and actor_id = any (ids);
    update igny8_audit_events set before = before - array['email', 'name'], after = after - array['email', 'name']
    where tenant_id = account
      and (subject_type = 'user' and subject_id = any (ids) or subject_type = 'invitation' and subject_id = any (letters));
    perform set_config('app.scrub_audit', 'off', true);
    return query update igny8_users
        set email = 'deleted-' || id || '@deleted.invalid', name = '', password_hash = null, email_verified_at = null,
            last_login_at = null, updated_at = now(), purged_at = now()
        where tenant_id = account and id = any (ids) returning id;
end $$;

revoke all on function igny8_account_is_over(bigint) from public;
revoke all on function igny8_purge_account(bigint) from public;
revoke all on function igny8_purge_sync_events(bigint, integer) from public;
revoke all on function igny8_purge_ledger(bigint, bigint, integer) from public;
revoke all on function igny8_purge_audit(bigint, bigint, integer) from public;
revoke all on function igny8_purge_finish(bigint) from public;
revoke all on function igny8_accounts_with_people_over(timestamptz, bigint, integer) from public;
revoke all on function igny8_purge_people(bigint, timestamptz, integer) from public;
grant execute on function igny8_purge_account(bigint) to igny8_app;
grant execute on function igny8_purge_sync_events(bigint, integer) to igny8_app;
grant execute on function igny8_purge_ledger(bigint, bigint, integer) to igny8_app;
grant execute on function igny8_purge_audit(bigint, bigint, integer) to igny8_app;
grant execute on function igny8_purge_finish(bigint) to igny8_app;
grant execute on function igny8_accounts_with_people_over(timestamptz, bigint, integer) to igny8_app;
grant execute on function igny8_purge_people(bigint, timestamptz, integer) to igny8_app;
