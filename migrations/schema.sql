-- The whole database on one page, for reading: tables, constraints, indexes, policies, grants.
-- Dumped from a database that has all migrations, never edited. To bring it up to date:
--
--     go test ./internal/postgres/schema -update

CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA public;

CREATE TYPE river_job_state AS ENUM (
    'available',
    'cancelled',
    'completed',
    'discarded',
    'pending',
    'retryable',
    'running',
    'scheduled'
);

CREATE FUNCTION igny8_account_is_over(account bigint) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    perform from igny8_tenants
    where id = account and not is_system and deleted_at is not null and restore_until <= now() and purged_at is null
    for no key update skip locked;
    return found;
end $$;

CREATE FUNCTION igny8_accounts_with_people_over(at timestamp with time zone, past bigint, most integer) RETURNS SETOF bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    return query select distinct tenant_id from igny8_users
        where deleted_at is not null and purged_at is null and restore_until <= least(at, now()) and tenant_id > past
        order by tenant_id limit most;
end $$;

CREATE FUNCTION igny8_append_only() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION igny8_audit_append_only() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if tg_op = 'UPDATE' and current_user = 'igny8_owner' and current_setting('app.scrub_audit', true) = 'on'
       and (new.tenant_id, new.id, new.action, new.subject_type, new.subject_id, new.actor_kind, new.actor_id,
            new.impersonation_id, new.created_at)
           is not distinct from
           (old.tenant_id, old.id, old.action, old.subject_type, old.subject_id, old.actor_kind, old.actor_id,
            old.impersonation_id, old.created_at) then
        return new;
    end if;
    raise exception 'the table % is only ever added to', tg_table_name using errcode = 'integrity_constraint_violation';
end $$;

CREATE FUNCTION igny8_purge_account(account bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION igny8_purge_audit(account bigint, past bigint, most integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION igny8_purge_due(at timestamp with time zone, after bigint, most integer) RETURNS SETOF bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION igny8_purge_finish(account bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION igny8_purge_invoices(account bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    if not igny8_account_is_over(account) then
        return null;
    end if;
    update igny8_invoices set buyer_name = '(deleted)', buyer_address = '', buyer_email = '', buyer_tax_id = '', note = ''
    where tenant_id = account and buyer_name <> '(deleted)';
    update igny8_tenants set tax_id = null where id = account;
    return true;
end $$;

CREATE FUNCTION igny8_purge_ledger(account bigint, past bigint, most integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION igny8_purge_people(account bigint, at timestamp with time zone, most integer) RETURNS SETOF bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION igny8_purge_receipts(account bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    if not igny8_account_is_over(account) then
        return null;
    end if;
    update igny8_receipts set reason = '(deleted)' where tenant_id = account and reason <> '(deleted)';
    return true;
end $$;

CREATE FUNCTION igny8_purge_sites(account bigint, at timestamp with time zone, most integer, OUT sites bigint[], OUT sectors integer, OUT more boolean) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION igny8_purge_stripe(account bigint) RETURNS text[]
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    gone text[];
begin
    if not igny8_account_is_over(account) then
        return null;
    end if;
    with removed as (delete from igny8_stripe_customers where tenant_id = account returning customer_id)
    select coalesce(array_agg(customer_id order by customer_id), '{}') into gone from removed;
    delete from igny8_stripe_checkouts where tenant_id = account;
    delete from igny8_stripe_subscriptions where tenant_id = account;
    delete from igny8_stripe_pushes where tenant_id = account and kind <> 'customer';
    update igny8_stripe_invoices set subscription_id = '' where tenant_id = account and subscription_id <> '';
    return gone;
end $$;

CREATE FUNCTION igny8_purge_sync_events(account bigint, most integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION river_job_state_in_bitmask(bitmask bit, state river_job_state) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$
    select case state
        when 'available' then get_bit(bitmask, 7)
        when 'cancelled' then get_bit(bitmask, 6)
        when 'completed' then get_bit(bitmask, 5)
        when 'discarded' then get_bit(bitmask, 4)
        when 'pending'   then get_bit(bitmask, 3)
        when 'retryable' then get_bit(bitmask, 2)
        when 'running'   then get_bit(bitmask, 1)
        when 'scheduled' then get_bit(bitmask, 0)
        else 0
    end = 1;
$$;

CREATE TABLE igny8_api_key_directory (
    lookup text NOT NULL,
    tenant_id bigint NOT NULL,
    key_id bigint NOT NULL,
    CONSTRAINT igny8_api_key_directory_lookup_check CHECK ((lookup <> ''::text))
);

CREATE TABLE igny8_audit_events (
    tenant_id bigint NOT NULL,
    id bigint NOT NULL,
    action text NOT NULL,
    subject_type text NOT NULL,
    subject_id bigint NOT NULL,
    actor_kind text NOT NULL,
    actor_id bigint,
    before jsonb,
    after jsonb,
    ip text DEFAULT ''::text NOT NULL,
    user_agent text DEFAULT ''::text NOT NULL,
    request_id text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    impersonation_id bigint,
    CONSTRAINT igny8_audit_events_action_check CHECK ((action <> ''::text)),
    CONSTRAINT igny8_audit_events_actor_kind_check CHECK ((actor_kind = ANY (ARRAY['user'::text, 'staff'::text, 'api_key'::text, 'system'::text])))
);

ALTER TABLE ONLY igny8_audit_events FORCE ROW LEVEL SECURITY;

CREATE SEQUENCE igny8_audit_events_id_seq;

ALTER SEQUENCE igny8_audit_events_id_seq OWNED BY igny8_audit_events.id;

CREATE TABLE igny8_balance_transactions (
    tenant_id bigint NOT NULL,
    id bigint NOT NULL,
    seq bigint NOT NULL,
    type text NOT NULL,
    amount_minor bigint NOT NULL,
    balance_after bigint NOT NULL,
    currency text NOT NULL,
    payment_id bigint,
    description text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT igny8_balance_transactions_amount_minor_check CHECK ((amount_minor <> 0)),
    CONSTRAINT igny8_balance_transactions_balance_after_check CHECK ((balance_after >= 0)),
    CONSTRAINT igny8_balance_transactions_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT igny8_balance_transactions_seq_check CHECK ((seq > 0)),
    CONSTRAINT igny8_balance_transactions_type_check CHECK ((type = ANY (ARRAY['excess'::text, 'unused'::text, 'applied'::text, 'returned'::text, 'refund'::text, 'adjustment'::text])))
);

ALTER TABLE ONLY igny8_balance_transactions FORCE ROW LEVEL SECURITY;

CREATE SEQUENCE igny8_balance_transactions_id_seq;

ALTER SEQUENCE igny8_balance_transactions_id_seq OWNED BY igny8_balance_transactions.id;

CREATE TABLE igny8_billing_notices (
    tenant_id bigint NOT NULL,
    kind text NOT NULL,
    for_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT igny8_billing_notices_kind_check CHECK ((kind = ANY (ARRAY['trial_7'::text, 'trial_3'::text, 'trial_1'::text, 'renewal'::text])))
);

ALTER TABLE ONLY igny8_billing_notices FORCE ROW LEVEL SECURITY;

CREATE TABLE igny8_credit_accounts (
    tenant_id bigint NOT NULL,
    balance bigint DEFAULT 0 NOT NULL,
    held bigint DEFAULT 0 NOT NULL,
    last_seq bigint DEFAULT 0 NOT NULL,
    has_budgets boolean DEFAULT false NOT NULL,
    low_below bigint DEFAULT 0 NOT NULL,
    low_since timestamp with time zone,
    debt bigint DEFAULT 0 NOT NULL,
    CONSTRAINT igny8_credit_accounts_available_check CHECK ((held <= balance)),
    CONSTRAINT igny8_credit_accounts_balance_check CHECK ((balance >= 0)),
    CONSTRAINT igny8_credit_accounts_debt_check CHECK ((debt >= 0)),
    CONSTRAINT igny8_credit_accounts_held_check CHECK ((held >= 0)),
    CONSTRAINT igny8_credit_accounts_last_seq_check CHECK ((last_seq >= 0)),
    CONSTRAINT igny8_credit_accounts_low_below_check CHECK ((low_below >= 0))
)
WITH (fillfactor='70');

ALTER TABLE ONLY igny8_credit_accounts FORCE ROW LEVEL SECURITY;

CREATE TABLE igny8_credit_alerts (
    tenant_id bigint NOT NULL,
    id bigint NOT NULL,
    available bigint NOT NULL,
    low_below bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    handled_at timestamp with time zone,
    CONSTRAINT igny8_credit_alerts_available_check CHECK ((available >= 0)),
    CONSTRAINT igny8_credit_alerts_check CHECK ((low_below > available))
);

ALTER TABLE ONLY igny8_credit_alerts FORCE ROW LEVEL SECURITY;

CREATE SEQUENCE igny8_credit_alerts_id_seq;

ALTER SEQUENCE igny8_credit_alerts_id_seq OWNED BY igny8_credit_alerts.id;

CREATE TABLE igny8_credit_cost_config (
    id bigint NOT NULL,
    operation text NOT NULL,
    credits bigint NOT NULL,
    unit_size bigint DEFAULT 1 NOT NULL,
    effective_from timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT igny8_credit_cost_config_credits_check CHECK ((credits > 0)),
    CONSTRAINT igny8_credit_cost_config_operation_check CHECK ((operation = ANY (ARRAY['clustering'::text, 'idea_generation'::text, 'content_generation'::text, 'image_generation'::text, 'image_prompt_extraction'::text]))),
    CONSTRAINT igny8_credit_cost_config_unit_size_check CHECK ((unit_size > 0))
);

CREATE SEQUENCE igny8_credit_cost_config_id_seq;

ALTER SEQUENCE igny8_credit_cost_config_id_seq OWNED BY igny8_credit_cost_config.id;

CREATE TABLE igny8_credit_debts (
    tenant_id bigint NOT NULL,
    id bigint NOT NULL,
    amount bigint NOT NULL,
    debt_after bigint NOT NULL,
    payment_id bigint,
    transaction_id bigint,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT igny8_credit_debts_amount_check CHECK ((amount <> 0)),
    CONSTRAINT igny8_credit_debts_debt_after_check CHECK ((debt_after >= 0)),
    CONSTRAINT igny8_credit_debts_why_check CHECK (
CASE
    WHEN (amount > 0) THEN (payment_id IS NOT NULL)
    ELSE (transaction_id IS NOT NULL)
END)
);

ALTER TABLE ONLY igny8_credit_debts FORCE ROW LEVEL SECURITY;

CREATE SEQUENCE igny8_credit_debts_id_seq;

ALTER SEQUENCE igny8_credit_debts_id_seq OWNED BY igny8_credit_debts.id;

CREATE TABLE igny8_credit_grants (
    tenant_id bigint NOT NULL,
    id bigint NOT NULL,
    kind text NOT NULL,
    amount bigint NOT NULL,
    remaining bigint NOT NULL,
    priority integer NOT NULL,
    period_id bigint,
    payment_id bigint,
    granted_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    CONSTRAINT igny8_credit_grants_amount_check CHECK ((amount > 0)),
    CONSTRAINT igny8_credit_grants_check CHECK (((remaining >= 0) AND (remaining <= amount))),
    CONSTRAINT igny8_credit_grants_check1 CHECK ((expires_at > granted_at)),
    CONSTRAINT igny8_credit_grants_kind_check CHECK ((kind = ANY (ARRAY['trial'::text, 'subscription'::text, 'purchase'::text, 'promotion'::text, 'refund'::text, 'adjustment'::text, 'opening'::text])))
);

ALTER TABLE ONLY igny8_credit_grants FORCE ROW LEVEL SECURITY;

CREATE SEQUENCE igny8_credit_grants_id_seq;

ALTER SEQUENCE igny8_credit_grants_id_seq OWNED BY igny8_credit_grants.id;

CREATE TABLE igny8_credit_holds (
    tenant_id bigint NOT NULL,
    id bigint NOT NULL,
    status text DEFAULT 'open'::text NOT NULL,
    operation text NOT NULL,
    quantity bigint NOT NULL,
    amount bigint NOT NULL,
    unit_credits bigint NOT NULL,
    unit_size bigint NOT NULL,
    site_id bigint,
    captured_quantity bigint,
    transaction_id bigint,
    actor_kind text NOT NULL,
    actor_id bigint,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone,
    CONSTRAINT igny8_credit_holds_actor_kind_check CHECK ((actor_kind = ANY (ARRAY['user'::text, 'staff'::text, 'api_key'::text, 'system'::text]))),
    CONSTRAINT igny8_credit_holds_amount_check CHECK ((amount > 0)),
    CONSTRAINT igny8_credit_holds_captured_quantity_check CHECK ((captured_quantity > 0)),
    CONSTRAINT igny8_credit_holds_check CHECK ((expires_at > created_at)),
    CONSTRAINT igny8_credit_holds_check1 CHECK (((status = 'open'::text) = (closed_at IS NULL))),
    CONSTRAINT igny8_credit_holds_check2 CHECK (((status = 'captured'::text) = (transaction_id IS NOT NULL))),
    CONSTRAINT igny8_credit_holds_check3 CHECK (((transaction_id IS NULL) = (captured_quantity IS NULL))),
    CONSTRAINT igny8_credit_holds_operation_check CHECK ((operation = ANY (ARRAY['clustering'::text, 'idea_generation'::text, 'content_generation'::text, 'image_generation'::text, 'image_prompt_extraction'::text]))),
    CONSTRAINT igny8_credit_holds_quantity_check CHECK ((quantity > 0)),
    CONSTRAINT igny8_credit_holds_status_check CHECK ((status = ANY (ARRAY['open'::text, 'captured'::text, 'released'::text, 'expired'::text]))),
    CONSTRAINT igny8_credit_holds_unit_credits_check CHECK ((unit_credits > 0)),
    CONSTRAINT igny8_credit_holds_unit_size_check CHECK ((unit_size > 0))
);

ALTER TABLE ONLY igny8_credit_holds FORCE ROW LEVEL SECURITY;

CREATE SEQUENCE igny8_credit_holds_id_seq;

ALTER SEQUENCE igny8_credit_holds_id_seq OWNED BY igny8_credit_holds.id;

CREATE TABLE igny8_credit_note_numbers (
    year integer NOT NULL,
    last_number bigint NOT NULL,
    CONSTRAINT igny8_credit_note_numbers_last_number_check CHECK ((last_number > 0)),
    CONSTRAINT igny8_credit_note_numbers_year_check CHECK (((year >= 2000) AND (year <= 9999)))
);

CREATE TABLE igny8_credit_requests (
    tenant_id bigint NOT NULL,
    operation text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    transaction_id bigint,
    hold_id bigint,
    balance bigint NOT NULL,
    held bigint NOT NULL,
    last_seq bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    debt bigint DEFAULT 0 NOT NULL,
    CONSTRAINT igny8_credit_requests_balance_check CHECK ((balance >= 0)),
    CONSTRAINT igny8_credit_requests_check CHECK (((held >= 0) AND (held <= balance))),
    CONSTRAINT igny8_credit_requests_last_seq_check CHECK ((last_seq >= 0)),
    CONSTRAINT igny8_credit_requests_operation_check CHECK ((operation = ANY (ARRAY['spend'::text, 'reserve'::text, 'capture'::text, 'release'::text, 'refund'::text, 'adjust'::text])))
);

ALTER TABLE ONLY igny8_credit_requests FORCE ROW LEVEL SECURITY;

CREATE TABLE igny8_credit_transaction_grants (
    tenant_id bigint NOT NULL,
    transaction_id bigint NOT NULL,
    grant_id bigint NOT NULL,
    amount bigint NOT NULL,
    CONSTRAINT igny8_credit_transaction_grants_amount_check CHECK ((amount <> 0))
);

ALTER TABLE ONLY igny8_credit_transaction_grants FORCE ROW LEVEL SECURITY;

CREATE TABLE igny8_credit_transactions (
    tenant_id bigint NOT NULL,
    id bigint NOT NULL,
    seq bigint NOT NULL,
    type text NOT NULL,
    amount bigint NOT NULL,
    balance_after bigint NOT NULL,
    operation text,
    quantity bigint,
    site_id bigint,
    description text DEFAULT ''::text NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    actor_kind text NOT NULL,
    actor_id bigint,
    idempotency_key text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    unit_credits bigint,
    unit_size bigint,
    refunds_id bigint,
    CONSTRAINT igny8_credit_transactions_actor_kind_check CHECK ((actor_kind = ANY (ARRAY['user'::text, 'staff'::text, 'api_key'::text, 'system'::text]))),
    CONSTRAINT igny8_credit_transactions_amount_check CHECK ((amount <> 0)),
    CONSTRAINT igny8_credit_transactions_balance_after_check CHECK ((balance_after >= 0)),
    CONSTRAINT igny8_credit_transactions_check CHECK ((((type = ANY (ARRAY['deduction'::text, 'reversal'::text, 'debt'::text])) = (amount < 0)) OR (type = ANY (ARRAY['expiration'::text, 'adjustment'::text])))),
    CONSTRAINT igny8_credit_transactions_check1 CHECK (((type <> 'expiration'::text) OR (amount < 0))),
    CONSTRAINT igny8_credit_transactions_operation_check CHECK ((operation = ANY (ARRAY['clustering'::text, 'idea_generation'::text, 'content_generation'::text, 'image_generation'::text, 'image_prompt_extraction'::text]))),
    CONSTRAINT igny8_credit_transactions_quantity_check CHECK ((quantity > 0)),
    CONSTRAINT igny8_credit_transactions_refunds_check CHECK (((refunds_id IS NULL) OR (type = 'refund'::text))),
    CONSTRAINT igny8_credit_transactions_seq_check CHECK ((seq > 0)),
    CONSTRAINT igny8_credit_transactions_type_check CHECK ((type = ANY (ARRAY['trial'::text, 'subscription'::text, 'purchase'::text, 'promotion'::text, 'refund'::text, 'deduction'::text, 'expiration'::text, 'adjustment'::text, 'opening'::text, 'reversal'::text, 'debt'::text]))),
    CONSTRAINT igny8_credit_transactions_unit_credits_check CHECK ((unit_credits > 0)),
    CONSTRAINT igny8_credit_transactions_unit_size_check CHECK ((unit_size > 0))
);

ALTER TABLE ONLY igny8_credit_transactions FORCE ROW LEVEL SECURITY;

CREATE SEQUENCE igny8_credit_transactions_id_seq;

ALTER SEQUENCE igny8_credit_transactions_id_seq OWNED BY igny8_credit_transactions.id;

CREATE TABLE igny8_credit_usage_days (
    tenant_id bigint NOT NULL,
    day date NOT NULL,
    site_id bigint DEFAULT 0 NOT NULL,
    operation text DEFAULT ''::text NOT NULL,
    deducted bigint NOT NULL,
    refunded bigint NOT NULL,
    quantity bigint NOT NULL,
    operations bigint NOT NULL,
    CONSTRAINT igny8_credit_usage_days_deducted_check CHECK ((deducted >= 0)),
    CONSTRAINT igny8_credit_usage_days_operation_check CHECK ((operation = ANY (ARRAY[''::text, 'clustering'::text, 'idea_generation'::text, 'content_generation'::text, 'image_generation'::text, 'image_prompt_extraction'::text]))),
    CONSTRAINT igny8_credit_usage_days_operations_check CHECK ((operations >= 0)),
    CONSTRAINT igny8_credit_usage_days_quantity_check CHECK ((quantity >= 0)),
    CONSTRAINT igny8_credit_usage_days_refunded_check CHECK ((refunded >= 0)),
    CONSTRAINT igny8_credit_usage_days_site_id_check CHECK ((site_id >= 0))
)
WITH (fillfactor='70');

ALTER TABLE ONLY igny8_credit_usage_days FORCE ROW LEVEL SECURITY;

CREATE TABLE igny8_database_marks (
    name text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT igny8_database_marks_name_check CHECK ((name <> ''::text))
);

CREATE TABLE igny8_external_payments (
    method text NOT NULL,
    external_id text NOT NULL,
    tenant_id bigint NOT NULL,
    payment_id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT igny8_external_payments_method_check CHECK ((method = ANY (ARRAY['bank_transfer'::text, 'stripe'::text])))
);

CREATE TABLE igny8_idempotency_keys (
    tenant_id bigint NOT NULL,
    operation text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    subject_id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY igny8_idempotency_keys FORCE ROW LEVEL SECURITY;

CREATE TABLE igny8_impersonations (
    tenant_id bigint NOT NULL,
    id bigint NOT NULL,
    staff_tenant bigint NOT NULL,
    staff_id bigint NOT NULL,
    session_id bigint NOT NULL,
    reason text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT igny8_impersonations_check CHECK ((expires_at > created_at)),
    CONSTRAINT igny8_impersonations_reason_check CHECK ((reason <> ''::text))
);

ALTER TABLE ONLY igny8_impersonations FORCE ROW LEVEL SECURITY;

CREATE SEQUENCE igny8_impersonations_id_seq;

ALTER SEQUENCE igny8_impersonations_id_seq OWNED BY igny8_impersonations.id;

CREATE TABLE igny8_industries (
    id bigint NOT NULL,
    slug text NOT NULL,
    name text NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT igny8_industries_name_check CHECK ((name <> ''::text))
);

CREATE SEQUENCE igny8_industries_id_seq;

ALTER SEQUENCE igny8_industries_id_seq OWNED BY igny8_industries.id;

CREATE TABLE igny8_industry_sectors (
    id bigint NOT NULL,
    industry_id bigint NOT NULL,
    slug text NOT NULL,
    name text NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT igny8_industry_sectors_name_check CHECK ((name <> ''::text))
);

CREATE SEQUENCE igny8_industry_sectors_id_seq;

ALTER SEQUENCE igny8_industry_sectors_id_seq OWNED BY igny8_industry_sectors.id;

CREATE TABLE igny8_invitations (
    tenant_id bigint NOT NULL,
    id bigint NOT NULL,
    email text NOT NULL,
    role text NOT NULL,
    site_ids bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    token_hash bytea NOT NULL,
    invited_by bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    accepted_at timestamp with time zone,
    accepted_by bigint,
    revoked_at timestamp with time zone,
    CONSTRAINT igny8_invitations_check CHECK ((expires_at > created_at)),
    CONSTRAINT igny8_invitations_check1 CHECK (((accepted_at IS NULL) = (accepted_by IS NULL))),
    CONSTRAINT igny8_invitations_check2 CHECK (((accepted_at IS NULL) OR (revoked_at IS NULL))),
    CONSTRAINT igny8_invitations_email_check CHECK ((email = lower(email))),
    CONSTRAINT igny8_invitations_role_check CHECK ((role = ANY (ARRAY['viewer'::text, 'editor'::text, 'admin'::text, 'owner'::text])))
);

ALTER TABLE ONLY igny8_invitations FORCE ROW LEVEL SECURITY;

CREATE SEQUENCE igny8_invitations_id_seq;

ALTER SEQUENCE igny8_invitations_id_seq OWNED BY igny8_invitations.id;

CREATE TABLE igny8_invoice_lines (
    tenant_id bigint NOT NULL,
    invoice_id bigint NOT NULL,
    "position" integer NOT NULL,
    description text NOT NULL,
    period_start timestamp with time zone NOT NULL,
    period_end timestamp with time zone NOT NULL,
    amount_minor bigint NOT NULL,
    CONSTRAINT igny8_invoice_lines_position_check CHECK (("position" > 0))
);

ALTER TABLE ONLY igny8_invoice_lines FORCE ROW LEVEL SECURITY;

CREATE TABLE igny8_invoice_numbers (
    year integer NOT NULL,
    last_number bigint NOT NULL,
    CONSTRAINT igny8_invoice_numbers_last_number_check CHECK ((last_number > 0)),
    CONSTRAINT igny8_invoice_numbers_year_check CHECK (((year >= 2000) AND (year <= 9999)))
);

CREATE TABLE igny8_invoices (
    tenant_id bigint NOT NULL,
    id bigint NOT NULL,
    number text NOT NULL,
    payment_id bigint NOT NULL,
    total_minor bigint NOT NULL,
    currency text NOT NULL,
    issued_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    kind text DEFAULT 'invoice'::text NOT NULL,
    refers_to bigint,
    net_minor bigint NOT NULL,
    taxable_minor bigint NOT NULL,
    tax_minor bigint DEFAULT 0 NOT NULL,
    tax_rate integer,
    from_balance_minor bigint DEFAULT 0 NOT NULL,
    seller_name text DEFAULT ''::text NOT NULL,
    seller_address text DEFAULT ''::text NOT NULL,
    seller_tax_id text DEFAULT ''::text NOT NULL,
    buyer_name text DEFAULT ''::text NOT NULL,
    buyer_address text DEFAULT ''::text NOT NULL,
    buyer_email text DEFAULT ''::text NOT NULL,
    buyer_tax_id text DEFAULT ''::text NOT NULL,
    note text DEFAULT ''::text NOT NULL,
    CONSTRAINT igny8_invoices_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT igny8_invoices_from_balance_minor_check CHECK ((from_balance_minor >= 0)),
    CONSTRAINT igny8_invoices_kind_check CHECK ((kind = ANY (ARRAY['invoice'::text, 'credit_note'::text]))),
    CONSTRAINT igny8_invoices_refers_check CHECK (((kind = 'credit_note'::text) = (refers_to IS NOT NULL))),
    CONSTRAINT igny8_invoices_tax_minor_check CHECK ((tax_minor >= 0)),
    CONSTRAINT igny8_invoices_tax_rate_check CHECK (((tax_rate >= 0) AND (tax_rate <= 10000))),
    CONSTRAINT igny8_invoices_total_check CHECK ((total_minor = (net_minor + tax_minor)))
);

ALTER TABLE ONLY igny8_invoices FORCE ROW LEVEL SECURITY;

CREATE SEQUENCE igny8_invoices_id_seq;

ALTER SEQUENCE igny8_invoices_id_seq OWNED BY igny8_invoices.id;

CREATE TABLE igny8_login_directory (
    email text NOT NULL,
    tenant_id bigint NOT NULL,
    user_id bigint NOT NULL,
    CONSTRAINT igny8_login_directory_email_check CHECK ((email = lower(email)))
);

CREATE TABLE igny8_mail_tokens (
    tenant_id bigint NOT NULL,
    id bigint NOT NULL,
    purpose text NOT NULL,
    user_id bigint NOT NULL,
    email text NOT NULL,
    token_hash bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    CONSTRAINT igny8_mail_tokens_check CHECK ((expires_at > created_at)),
    CONSTRAINT igny8_mail_tokens_purpose_check CHECK ((purpose = ANY (ARRAY['reset_password'::text, 'verify_email'::text, 'restore_account'::text])))
);

ALTER TABLE ONLY igny8_mail_tokens FORCE ROW LEVEL SECURITY;

CREATE SEQUENCE igny8_mail_tokens_id_seq;

ALTER SEQUENCE igny8_mail_tokens_id_seq OWNED BY igny8_mail_tokens.id;

CREATE TABLE igny8_mails (
    tenant_id bigint NOT NULL,
    id bigint NOT NULL,
    kind text NOT NULL,
    sealed bytea,
    key_id text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    sent_at timestamp with time zone,
    given_up_at timestamp with time zone,
    CONSTRAINT igny8_mails_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT igny8_mails_check CHECK (((sent_at IS NULL) OR (given_up_at IS NULL))),
    CONSTRAINT igny8_mails_check1 CHECK (((sealed IS NULL) = ((sent_at IS NOT NULL) OR (given_up_at IS NOT NULL)))),
    CONSTRAINT igny8_mails_kind_check CHECK ((kind <> ''::text))
);

ALTER TABLE ONLY igny8_mails FORCE ROW LEVEL SECURITY;

CREATE SEQUENCE igny8_mails_id_seq;

ALTER SEQUENCE igny8_mails_id_seq OWNED BY igny8_mails.id;

CREATE TABLE igny8_payment_approvals (
    tenant_id bigint NOT NULL,
    id bigint NOT NULL,
    payment_id bigint NOT NULL,
    kind text NOT NULL,
    receipt_id bigint,
    external_id text,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    received_on date,
    approved_by bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    ends_time boolean,
    refunded_minor bigint,
    CONSTRAINT igny8_payment_approvals_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT igny8_payment_approvals_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT igny8_payment_approvals_facts_check CHECK (
CASE kind
    WHEN 'confirmation'::text THEN ((receipt_id IS NULL) AND (external_id IS NOT NULL) AND (received_on IS NOT NULL))
    WHEN 'refund'::text THEN ((receipt_id IS NULL) AND (external_id IS NULL) AND (received_on IS NULL))
    ELSE ((receipt_id IS NOT NULL) AND (received_on IS NULL))
END),
    CONSTRAINT igny8_payment_approvals_kind_check CHECK ((kind = ANY (ARRAY['confirmation'::text, 'credit'::text, 'return'::text, 'refund'::text]))),
    CONSTRAINT igny8_payment_approvals_refund_check CHECK ((((kind = 'refund'::text) = (ends_time IS NOT NULL)) AND ((kind = 'refund'::text) = (refunded_minor IS NOT NULL)))),
    CONSTRAINT igny8_payment_approvals_refunded_minor_check CHECK ((refunded_minor >= 0))
);

ALTER TABLE ONLY igny8_payment_approvals FORCE ROW LEVEL SECURITY;

CREATE SEQUENCE igny8_payment_approvals_id_seq;

ALTER SEQUENCE igny8_payment_approvals_id_seq OWNED BY igny8_payment_approvals.id;

CREATE TABLE igny8_payments (
    tenant_id bigint NOT NULL,
    id bigint NOT NULL,
    method text NOT NULL,
    status text DEFAULT 'pending'::text NOT NULL,
    plan_id bigint NOT NULL,
    months integer NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    reference text NOT NULL,
    instructions text DEFAULT ''::text NOT NULL,
    requested_by bigint NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    declared_at timestamp with time zone,
    sent_on date,
    payer_name text,
    proof_url text,
    external_payment_id text,
    received_on date,
    decided_at timestamp with time zone,
    decided_by bigint,
    rejection_reason text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    purpose text DEFAULT 'periods'::text NOT NULL,
    net_minor bigint NOT NULL,
    credited_minor bigint DEFAULT 0 NOT NULL,
    tax_minor bigint DEFAULT 0 NOT NULL,
    applied_minor bigint DEFAULT 0 NOT NULL,
    tax_rate integer,
    refunded_minor bigint DEFAULT 0 NOT NULL,
    held_minor bigint DEFAULT 0 NOT NULL,
    held_since timestamp with time zone,
    queue_later boolean GENERATED ALWAYS AS ((
CASE
    WHEN (status = 'pending'::text) THEN LEAST(declared_at, held_since)
    ELSE held_since
END IS NULL)) STORED,
    queue_at timestamp with time zone GENERATED ALWAYS AS (COALESCE(
CASE
    WHEN (status = 'pending'::text) THEN LEAST(declared_at, held_since)
    ELSE held_since
END, created_at)) STORED,
    CONSTRAINT igny8_payments_amount_check CHECK (((amount_minor >= 0) AND (amount_minor = (((net_minor - credited_minor) + tax_minor) - applied_minor)))),
    CONSTRAINT igny8_payments_applied_minor_check CHECK ((applied_minor >= 0)),
    CONSTRAINT igny8_payments_check CHECK (((status <> ALL (ARRAY['confirmed'::text, 'refunded'::text, 'disputed'::text])) OR ((external_payment_id IS NOT NULL) AND (received_on IS NOT NULL) AND (decided_at IS NOT NULL)))),
    CONSTRAINT igny8_payments_check1 CHECK (((status <> 'rejected'::text) OR ((rejection_reason IS NOT NULL) AND (decided_at IS NOT NULL)))),
    CONSTRAINT igny8_payments_credited_minor_check CHECK ((credited_minor >= 0)),
    CONSTRAINT igny8_payments_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT igny8_payments_held_check CHECK (((held_minor > 0) = (held_since IS NOT NULL))),
    CONSTRAINT igny8_payments_held_minor_check CHECK ((held_minor >= 0)),
    CONSTRAINT igny8_payments_method_check CHECK ((method = ANY (ARRAY['bank_transfer'::text, 'stripe'::text]))),
    CONSTRAINT igny8_payments_months_check CHECK (((months >= 1) AND (months <= 24))),
    CONSTRAINT igny8_payments_net_minor_check CHECK ((net_minor >= 0)),
    CONSTRAINT igny8_payments_purpose_check CHECK ((purpose = ANY (ARRAY['periods'::text, 'upgrade'::text, 'assignment'::text]))),
    CONSTRAINT igny8_payments_refunded_check CHECK ((refunded_minor <= (amount_minor + applied_minor))),
    CONSTRAINT igny8_payments_refunded_minor_check CHECK ((refunded_minor >= 0)),
    CONSTRAINT igny8_payments_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'confirmed'::text, 'rejected'::text, 'expired'::text, 'withdrawn'::text, 'refunded'::text, 'disputed'::text]))),
    CONSTRAINT igny8_payments_tax_minor_check CHECK ((tax_minor >= 0)),
    CONSTRAINT igny8_payments_tax_rate_check CHECK (((tax_rate >= 0) AND (tax_rate <= 10000)))
);

ALTER TABLE ONLY igny8_payments FORCE ROW LEVEL SECURITY;

CREATE SEQUENCE igny8_payments_id_seq;

ALTER SEQUENCE igny8_payments_id_seq OWNED BY igny8_payments.id;

CREATE TABLE igny8_plans (
    id bigint NOT NULL,
    slug text NOT NULL,
    name text NOT NULL,
    price_minor bigint NOT NULL,
    currency text DEFAULT 'USD'::text NOT NULL,
    included_credits bigint NOT NULL,
    max_sites integer NOT NULL,
    max_users integer NOT NULL,
    features text[] DEFAULT '{}'::text[] NOT NULL,
    trial_days integer,
    self_serve boolean NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT igny8_plans_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT igny8_plans_features_check CHECK ((features <@ ARRAY['ai_writer'::text, 'image_gen'::text, 'auto_publish'::text, 'custom_prompts'::text, 'unlimited'::text])),
    CONSTRAINT igny8_plans_included_credits_check CHECK ((included_credits >= 0)),
    CONSTRAINT igny8_plans_max_sites_check CHECK ((max_sites >= 0)),
    CONSTRAINT igny8_plans_max_users_check CHECK ((max_users >= 1)),
    CONSTRAINT igny8_plans_name_check CHECK ((name <> ''::text)),
    CONSTRAINT igny8_plans_price_minor_check CHECK ((price_minor >= 0)),
    CONSTRAINT igny8_plans_slug_check CHECK ((slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'::text)),
    CONSTRAINT igny8_plans_trial_days_check CHECK (((trial_days >= 1) AND (trial_days <= 365)))
);

CREATE SEQUENCE igny8_plans_id_seq;

ALTER SEQUENCE igny8_plans_id_seq OWNED BY igny8_plans.id;

CREATE TABLE igny8_receipts (
    tenant_id bigint NOT NULL,
    id bigint NOT NULL,
    payment_id bigint NOT NULL,
    external_id text NOT NULL,
    amount_minor bigint NOT NULL,
    used_minor bigint DEFAULT 0 NOT NULL,
    currency text NOT NULL,
    received_on date NOT NULL,
    status text NOT NULL,
    recorded_by bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    decided_by bigint,
    decided_at timestamp with time zone,
    reason text,
    return_id text,
    balance_seq bigint,
    CONSTRAINT igny8_receipts_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT igny8_receipts_balance_check CHECK (((status = 'credited'::text) = (balance_seq IS NOT NULL))),
    CONSTRAINT igny8_receipts_check CHECK (((used_minor >= 0) AND (used_minor <= amount_minor))),
    CONSTRAINT igny8_receipts_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT igny8_receipts_decided_check CHECK (((status = ANY (ARRAY['credited'::text, 'returned'::text])) = ((decided_by IS NOT NULL) AND (decided_at IS NOT NULL) AND (reason IS NOT NULL)))),
    CONSTRAINT igny8_receipts_external_id_check CHECK ((external_id <> ''::text)),
    CONSTRAINT igny8_receipts_return_check CHECK (((return_id IS NULL) OR (status = 'returned'::text))),
    CONSTRAINT igny8_receipts_status_check CHECK ((status = ANY (ARRAY['held'::text, 'used'::text, 'credited'::text, 'returned'::text]))),
    CONSTRAINT igny8_receipts_used_check CHECK (((status = 'used'::text) = (used_minor = amount_minor)))
);

ALTER TABLE ONLY igny8_receipts FORCE ROW LEVEL SECURITY;

CREATE SEQUENCE igny8_receipts_id_seq;

ALTER SEQUENCE igny8_receipts_id_seq OWNED BY igny8_receipts.id;

CREATE TABLE igny8_refunds (
    tenant_id bigint NOT NULL,
    id bigint NOT NULL,
    payment_id bigint NOT NULL,
    credit_note_id bigint NOT NULL,
    amount_minor bigint NOT NULL,
    balance_minor bigint NOT NULL,
    currency text NOT NULL,
    ended_time boolean NOT NULL,
    credits_taken bigint NOT NULL,
    credits_owed bigint NOT NULL,
    created_by bigint,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT igny8_refunds_amount_minor_check CHECK ((amount_minor >= 0)),
    CONSTRAINT igny8_refunds_balance_minor_check CHECK ((balance_minor >= 0)),
    CONSTRAINT igny8_refunds_credits_owed_check CHECK ((credits_owed >= 0)),
    CONSTRAINT igny8_refunds_credits_taken_check CHECK ((credits_taken >= 0)),
    CONSTRAINT igny8_refunds_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text))
);

ALTER TABLE ONLY igny8_refunds FORCE ROW LEVEL SECURITY;

CREATE SEQUENCE igny8_refunds_id_seq;

ALTER SEQUENCE igny8_refunds_id_seq OWNED BY igny8_refunds.id;

CREATE TABLE igny8_reset_requests (
    id bigint NOT NULL,
    email text NOT NULL,
    ip text DEFAULT ''::text NOT NULL,
    user_agent text DEFAULT ''::text NOT NULL,
    request_id text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone NOT NULL
);

CREATE SEQUENCE igny8_reset_requests_id_seq;

ALTER SEQUENCE igny8_reset_requests_id_seq OWNED BY igny8_reset_requests.id;

CREATE TABLE igny8_sectors (
    tenant_id bigint NOT NULL,
    id bigint NOT NULL,
    site_id bigint NOT NULL,
    industry_id bigint NOT NULL,
    industry_sector_id bigint NOT NULL,
    name text NOT NULL,
    status text DEFAULT 'active'::text NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    deleted_by bigint,
    restore_until timestamp with time zone,
    live_industry_id bigint GENERATED ALWAYS AS (
CASE
    WHEN (deleted_at IS NULL) THEN industry_id
    ELSE NULL::bigint
END) STORED,
    CONSTRAINT igny8_sectors_check CHECK (((deleted_at IS NULL) = (restore_until IS NULL))),
    CONSTRAINT igny8_sectors_name_check CHECK ((name <> ''::text)),
    CONSTRAINT igny8_sectors_status_check CHECK ((status = ANY (ARRAY['active'::text, 'inactive'::text])))
);

ALTER TABLE ONLY igny8_sectors FORCE ROW LEVEL SECURITY;

CREATE SEQUENCE igny8_sectors_id_seq;

ALTER SEQUENCE igny8_sectors_id_seq OWNED BY igny8_sectors.id;

CREATE TABLE igny8_sessions (
    tenant_id bigint NOT NULL,
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    generation integer DEFAULT 0 NOT NULL,
    token_hash bytea NOT NULL,
    rotated_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    revoked_reason text,
    ip text DEFAULT ''::text NOT NULL,
    user_agent text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT igny8_sessions_check CHECK (((revoked_at IS NULL) = (revoked_reason IS NULL))),
    CONSTRAINT igny8_sessions_generation_check CHECK ((generation >= 0)),
    CONSTRAINT igny8_sessions_revoked_reason_check CHECK ((revoked_reason = ANY (ARRAY['log_out'::text, 'reuse'::text, 'password'::text, 'role'::text, 'removed'::text, 'revoked'::text])))
);

ALTER TABLE ONLY igny8_sessions FORCE ROW LEVEL SECURITY;

CREATE SEQUENCE igny8_sessions_id_seq;

ALTER SEQUENCE igny8_sessions_id_seq OWNED BY igny8_sessions.id;

CREATE TABLE igny8_site_api_keys (
    tenant_id bigint NOT NULL,
    id bigint NOT NULL,
    site_id bigint NOT NULL,
    name text NOT NULL,
    public_id text NOT NULL,
    hash bytea NOT NULL,
    hash_key_id text NOT NULL,
    scopes text[] NOT NULL,
    is_legacy boolean DEFAULT false NOT NULL,
    created_by bigint,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    last_used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    revoked_by bigint,
    rotated_to bigint,
    CONSTRAINT igny8_site_api_keys_check CHECK (((revoked_at IS NOT NULL) OR (revoked_by IS NULL))),
    CONSTRAINT igny8_site_api_keys_name_check CHECK ((name <> ''::text)),
    CONSTRAINT igny8_site_api_keys_scopes_check CHECK (((scopes <@ ARRAY['sites_read'::text, 'credits'::text, 'sync'::text]) AND (cardinality(scopes) > 0)))
);

ALTER TABLE ONLY igny8_site_api_keys FORCE ROW LEVEL SECURITY;

CREATE SEQUENCE igny8_site_api_keys_id_seq;

ALTER SEQUENCE igny8_site_api_keys_id_seq OWNED BY igny8_site_api_keys.id;

CREATE TABLE igny8_site_budgets (
    tenant_id bigint NOT NULL,
    site_id bigint NOT NULL,
    monthly_credits bigint NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT igny8_site_budgets_monthly_credits_check CHECK ((monthly_credits >= 0))
);

ALTER TABLE ONLY igny8_site_budgets FORCE ROW LEVEL SECURITY;

CREATE TABLE igny8_site_user_access (
    tenant_id bigint NOT NULL,
    site_id bigint NOT NULL,
    user_id bigint NOT NULL,
    granted_by bigint,
    granted_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY igny8_site_user_access FORCE ROW LEVEL SECURITY;

CREATE TABLE igny8_sites (
    tenant_id bigint NOT NULL,
    id bigint NOT NULL,
    name text NOT NULL,
    slug text NOT NULL,
    domain text DEFAULT ''::text NOT NULL,
    industry_id bigint,
    status text DEFAULT 'active'::text NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    deleted_by bigint,
    restore_until timestamp with time zone,
    purged_at timestamp with time zone,
    CONSTRAINT igny8_sites_check CHECK (((deleted_at IS NULL) = (restore_until IS NULL))),
    CONSTRAINT igny8_sites_name_check CHECK ((name <> ''::text)),
    CONSTRAINT igny8_sites_purged_check CHECK (((purged_at IS NULL) OR ((deleted_at IS NOT NULL) AND (restore_until <= purged_at)))),
    CONSTRAINT igny8_sites_slug_check CHECK ((slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'::text)),
    CONSTRAINT igny8_sites_status_check CHECK ((status = ANY (ARRAY['active'::text, 'inactive'::text, 'suspended'::text])))
);

ALTER TABLE ONLY igny8_sites FORCE ROW LEVEL SECURITY;

CREATE SEQUENCE igny8_sites_id_seq;

ALTER SEQUENCE igny8_sites_id_seq OWNED BY igny8_sites.id;

CREATE TABLE igny8_slug_directory (
    slug text NOT NULL,
    tenant_id bigint NOT NULL
);

CREATE TABLE igny8_stripe_checkouts (
    tenant_id bigint NOT NULL,
    id bigint NOT NULL,
    session_id text,
    mode text NOT NULL,
    plan_id bigint NOT NULL,
    payment_id bigint,
    status text NOT NULL,
    subscription_id text,
    idempotency_key text NOT NULL,
    fingerprint bytea NOT NULL,
    created_by bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT igny8_stripe_checkouts_mode_check CHECK ((mode = ANY (ARRAY['subscription'::text, 'payment'::text]))),
    CONSTRAINT igny8_stripe_checkouts_payment_check CHECK (((mode = 'payment'::text) = (payment_id IS NOT NULL))),
    CONSTRAINT igny8_stripe_checkouts_status_check CHECK ((status = ANY (ARRAY['started'::text, 'open'::text, 'complete'::text, 'expired'::text, 'failed'::text])))
);

ALTER TABLE ONLY igny8_stripe_checkouts FORCE ROW LEVEL SECURITY;

CREATE SEQUENCE igny8_stripe_checkouts_id_seq;

ALTER SEQUENCE igny8_stripe_checkouts_id_seq OWNED BY igny8_stripe_checkouts.id;

CREATE TABLE igny8_stripe_customers (
    customer_id text NOT NULL,
    tenant_id bigint NOT NULL,
    livemode boolean NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT igny8_stripe_customers_customer_id_check CHECK (((length(customer_id) >= 1) AND (length(customer_id) <= 255)))
);

CREATE TABLE igny8_stripe_drifts (
    id bigint NOT NULL,
    kind text NOT NULL,
    object_id text NOT NULL,
    tenant_id bigint,
    ours text DEFAULT ''::text NOT NULL,
    theirs text DEFAULT ''::text NOT NULL,
    found_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    resolved_at timestamp with time zone,
    CONSTRAINT igny8_stripe_drifts_kind_check CHECK ((kind <> ''::text)),
    CONSTRAINT igny8_stripe_drifts_object_id_check CHECK ((object_id <> ''::text))
);

CREATE SEQUENCE igny8_stripe_drifts_id_seq;

ALTER SEQUENCE igny8_stripe_drifts_id_seq OWNED BY igny8_stripe_drifts.id;

CREATE TABLE igny8_stripe_events (
    id bigint NOT NULL,
    event_id text NOT NULL,
    type text NOT NULL,
    livemode boolean NOT NULL,
    api_version text NOT NULL,
    object_type text NOT NULL,
    object_id text NOT NULL,
    created timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    status text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    error text,
    tenant_id bigint,
    reviewed_by bigint,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT igny8_stripe_events_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT igny8_stripe_events_event_id_check CHECK (((length(event_id) >= 1) AND (length(event_id) <= 255))),
    CONSTRAINT igny8_stripe_events_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'done'::text, 'ignored'::text, 'dead'::text]))),
    CONSTRAINT igny8_stripe_events_type_check CHECK (((length(type) >= 1) AND (length(type) <= 255)))
);

CREATE SEQUENCE igny8_stripe_events_id_seq;

ALTER SEQUENCE igny8_stripe_events_id_seq OWNED BY igny8_stripe_events.id;

CREATE TABLE igny8_stripe_invoices (
    tenant_id bigint NOT NULL,
    invoice_id text NOT NULL,
    subscription_id text NOT NULL,
    status text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    payment_id bigint,
    told_at timestamp with time zone,
    seen_at timestamp with time zone NOT NULL,
    CONSTRAINT igny8_stripe_invoices_amount_minor_check CHECK ((amount_minor >= 0)),
    CONSTRAINT igny8_stripe_invoices_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT igny8_stripe_invoices_invoice_id_check CHECK (((length(invoice_id) >= 1) AND (length(invoice_id) <= 255))),
    CONSTRAINT igny8_stripe_invoices_status_check CHECK ((status <> ''::text))
);

ALTER TABLE ONLY igny8_stripe_invoices FORCE ROW LEVEL SECURITY;

CREATE TABLE igny8_stripe_pushes (
    tenant_id bigint NOT NULL,
    id bigint NOT NULL,
    kind text NOT NULL,
    subscription_id text,
    payment_id bigint,
    wanted jsonb DEFAULT '{}'::jsonb NOT NULL,
    status text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    error text,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT igny8_stripe_pushes_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT igny8_stripe_pushes_kind_check CHECK ((kind = ANY (ARRAY['cancel'::text, 'end'::text, 'plan'::text, 'refund'::text, 'customer'::text]))),
    CONSTRAINT igny8_stripe_pushes_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'done'::text, 'failed'::text, 'superseded'::text]))),
    CONSTRAINT igny8_stripe_pushes_subject_check CHECK (
CASE kind
    WHEN 'refund'::text THEN (payment_id IS NOT NULL)
    WHEN 'customer'::text THEN ((payment_id IS NULL) AND (subscription_id IS NULL) AND ((status = 'done'::text) OR (wanted ? 'customer'::text)))
    ELSE (subscription_id IS NOT NULL)
END)
);

ALTER TABLE ONLY igny8_stripe_pushes FORCE ROW LEVEL SECURITY;

CREATE SEQUENCE igny8_stripe_pushes_id_seq;

ALTER SEQUENCE igny8_stripe_pushes_id_seq OWNED BY igny8_stripe_pushes.id;

CREATE TABLE igny8_stripe_refunds (
    tenant_id bigint NOT NULL,
    refund_id text NOT NULL,
    payment_id bigint NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT igny8_stripe_refunds_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT igny8_stripe_refunds_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT igny8_stripe_refunds_refund_id_check CHECK (((length(refund_id) >= 1) AND (length(refund_id) <= 255)))
);

ALTER TABLE ONLY igny8_stripe_refunds FORCE ROW LEVEL SECURITY;

CREATE TABLE igny8_stripe_subscriptions (
    tenant_id bigint NOT NULL,
    subscription_id text NOT NULL,
    customer_id text NOT NULL,
    status text NOT NULL,
    cancelling boolean NOT NULL,
    plan_slug text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    period_end timestamp with time zone,
    version bigint NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT igny8_stripe_subscriptions_amount_minor_check CHECK ((amount_minor >= 0)),
    CONSTRAINT igny8_stripe_subscriptions_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT igny8_stripe_subscriptions_status_check CHECK ((status <> ''::text)),
    CONSTRAINT igny8_stripe_subscriptions_subscription_id_check CHECK (((length(subscription_id) >= 1) AND (length(subscription_id) <= 255))),
    CONSTRAINT igny8_stripe_subscriptions_version_check CHECK ((version > 0))
);

ALTER TABLE ONLY igny8_stripe_subscriptions FORCE ROW LEVEL SECURITY;

CREATE TABLE igny8_subscription_periods (
    tenant_id bigint NOT NULL,
    id bigint NOT NULL,
    kind text NOT NULL,
    plan_id bigint NOT NULL,
    start_at timestamp with time zone NOT NULL,
    end_at timestamp with time zone NOT NULL,
    previous_end timestamp with time zone,
    payment_id bigint,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    price_minor bigint DEFAULT 0 NOT NULL,
    begun_at timestamp with time zone,
    CONSTRAINT igny8_subscription_periods_check CHECK ((start_at < end_at)),
    CONSTRAINT igny8_subscription_periods_check1 CHECK ((previous_end = start_at)),
    CONSTRAINT igny8_subscription_periods_check2 CHECK (
CASE kind
    WHEN 'paid'::text THEN (payment_id IS NOT NULL)
    WHEN 'assigned'::text THEN true
    ELSE (payment_id IS NULL)
END),
    CONSTRAINT igny8_subscription_periods_kind_check CHECK ((kind = ANY (ARRAY['trial'::text, 'paid'::text, 'free'::text, 'assigned'::text, 'opening'::text, 'lapsed'::text]))),
    CONSTRAINT igny8_subscription_periods_price_minor_check CHECK ((price_minor >= 0))
);

ALTER TABLE ONLY igny8_subscription_periods FORCE ROW LEVEL SECURITY;

CREATE SEQUENCE igny8_subscription_periods_id_seq;

ALTER SEQUENCE igny8_subscription_periods_id_seq OWNED BY igny8_subscription_periods.id;

CREATE TABLE igny8_subscriptions (
    tenant_id bigint NOT NULL,
    id bigint NOT NULL,
    status text NOT NULL,
    payment_method text,
    anchor timestamp with time zone,
    trial_end timestamp with time zone,
    cancel_at_period_end boolean DEFAULT false NOT NULL,
    external_payment_id text,
    stripe_subscription_id text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    due_at timestamp with time zone,
    pending_plan_id bigint,
    agreed_minor bigint,
    agreed_currency text,
    cancelled_at timestamp with time zone,
    CONSTRAINT igny8_subscriptions_agreed_check CHECK (((agreed_minor IS NULL) = (agreed_currency IS NULL))),
    CONSTRAINT igny8_subscriptions_agreed_currency_check CHECK ((agreed_currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT igny8_subscriptions_agreed_minor_check CHECK ((agreed_minor >= 0)),
    CONSTRAINT igny8_subscriptions_payment_method_check CHECK ((payment_method = ANY (ARRAY['bank_transfer'::text, 'stripe'::text]))),
    CONSTRAINT igny8_subscriptions_status_check CHECK ((status = ANY (ARRAY['trialing'::text, 'pending'::text, 'active'::text, 'past_due'::text, 'cancelled'::text, 'expired'::text])))
);

ALTER TABLE ONLY igny8_subscriptions FORCE ROW LEVEL SECURITY;

CREATE SEQUENCE igny8_subscriptions_id_seq;

ALTER SEQUENCE igny8_subscriptions_id_seq OWNED BY igny8_subscriptions.id;

CREATE TABLE igny8_sync_events (
    tenant_id bigint NOT NULL,
    id bigint NOT NULL,
    site_id bigint NOT NULL,
    kind text NOT NULL,
    direction text NOT NULL,
    outcome text NOT NULL,
    items integer NOT NULL,
    message text DEFAULT ''::text NOT NULL,
    details jsonb DEFAULT '{}'::jsonb NOT NULL,
    external_id text NOT NULL,
    fingerprint bytea NOT NULL,
    actor_kind text NOT NULL,
    actor_id bigint,
    occurred_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT igny8_sync_events_actor_kind_check CHECK ((actor_kind = ANY (ARRAY['user'::text, 'staff'::text, 'api_key'::text, 'system'::text]))),
    CONSTRAINT igny8_sync_events_direction_check CHECK ((direction = ANY (ARRAY['to_site'::text, 'from_site'::text]))),
    CONSTRAINT igny8_sync_events_external_id_check CHECK ((external_id <> ''::text)),
    CONSTRAINT igny8_sync_events_items_check CHECK ((items >= 0)),
    CONSTRAINT igny8_sync_events_kind_check CHECK ((kind = ANY (ARRAY['publish'::text, 'update'::text, 'delete'::text, 'import'::text, 'status'::text, 'media'::text, 'taxonomy'::text]))),
    CONSTRAINT igny8_sync_events_outcome_check CHECK ((outcome = ANY (ARRAY['succeeded'::text, 'partial'::text, 'failed'::text])))
);

ALTER TABLE ONLY igny8_sync_events FORCE ROW LEVEL SECURITY;

CREATE SEQUENCE igny8_sync_events_id_seq;

ALTER SEQUENCE igny8_sync_events_id_seq OWNED BY igny8_sync_events.id;

CREATE TABLE igny8_tenants (
    id bigint NOT NULL,
    name text NOT NULL,
    slug text NOT NULL,
    plan_id bigint NOT NULL,
    owner_id bigint,
    status text NOT NULL,
    status_reason text DEFAULT ''::text NOT NULL,
    is_system boolean DEFAULT false NOT NULL,
    billing_email text,
    billing_address jsonb DEFAULT '{}'::jsonb NOT NULL,
    stripe_customer_id text,
    deletion_retention_days integer DEFAULT 14 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    deleted_by bigint,
    restore_until timestamp with time zone,
    purged_at timestamp with time zone,
    tax_rate integer,
    tax_id text,
    clock_at timestamp with time zone,
    CONSTRAINT igny8_tenants_check CHECK (((deleted_at IS NULL) = (restore_until IS NULL))),
    CONSTRAINT igny8_tenants_clock_check CHECK (((clock_at IS NULL) OR (NOT is_system))),
    CONSTRAINT igny8_tenants_deletion_retention_days_check CHECK (((deletion_retention_days >= 1) AND (deletion_retention_days <= 365))),
    CONSTRAINT igny8_tenants_name_check CHECK ((name <> ''::text)),
    CONSTRAINT igny8_tenants_purged_check CHECK (((purged_at IS NULL) OR (deleted_at IS NOT NULL))),
    CONSTRAINT igny8_tenants_slug_check CHECK ((slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'::text)),
    CONSTRAINT igny8_tenants_status_check CHECK ((status = ANY (ARRAY['trial'::text, 'pending_payment'::text, 'active'::text, 'suspended'::text, 'cancelled'::text]))),
    CONSTRAINT igny8_tenants_tax_id_check CHECK (((length(tax_id) >= 1) AND (length(tax_id) <= 50))),
    CONSTRAINT igny8_tenants_tax_rate_check CHECK (((tax_rate >= 0) AND (tax_rate <= 10000)))
);

ALTER TABLE ONLY igny8_tenants FORCE ROW LEVEL SECURITY;

CREATE SEQUENCE igny8_tenants_id_seq;

ALTER SEQUENCE igny8_tenants_id_seq OWNED BY igny8_tenants.id;

CREATE TABLE igny8_users (
    tenant_id bigint NOT NULL,
    id bigint NOT NULL,
    email text NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    role text NOT NULL,
    password_hash text,
    email_verified_at timestamp with time zone,
    last_login_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    deleted_by bigint,
    restore_until timestamp with time zone,
    purged_at timestamp with time zone,
    CONSTRAINT igny8_users_check CHECK (((deleted_at IS NULL) = (restore_until IS NULL))),
    CONSTRAINT igny8_users_email_check CHECK ((email = lower(email))),
    CONSTRAINT igny8_users_purged_check CHECK (((purged_at IS NULL) OR (deleted_at IS NOT NULL))),
    CONSTRAINT igny8_users_role_check CHECK ((role = ANY (ARRAY['viewer'::text, 'editor'::text, 'admin'::text, 'owner'::text, 'developer'::text, 'system_bot'::text])))
);

ALTER TABLE ONLY igny8_users FORCE ROW LEVEL SECURITY;

CREATE SEQUENCE igny8_users_id_seq;

ALTER SEQUENCE igny8_users_id_seq OWNED BY igny8_users.id;

CREATE TABLE igny8_wordpress_connections (
    tenant_id bigint NOT NULL,
    site_id bigint NOT NULL,
    url text NOT NULL,
    username text NOT NULL,
    sealed bytea NOT NULL,
    key_id text NOT NULL,
    connected_by bigint,
    connected_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    checked_at timestamp with time zone,
    check_error text,
    CONSTRAINT igny8_wordpress_connections_url_check CHECK ((url <> ''::text)),
    CONSTRAINT igny8_wordpress_connections_username_check CHECK ((username <> ''::text))
);

ALTER TABLE ONLY igny8_wordpress_connections FORCE ROW LEVEL SECURITY;

CREATE TABLE river_job (
    id bigint NOT NULL,
    state river_job_state DEFAULT 'available'::river_job_state NOT NULL,
    attempt smallint DEFAULT 0 NOT NULL,
    max_attempts smallint DEFAULT 25 NOT NULL,
    attempted_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    finalized_at timestamp with time zone,
    scheduled_at timestamp with time zone DEFAULT now() NOT NULL,
    priority smallint DEFAULT 1 NOT NULL,
    args jsonb NOT NULL,
    attempted_by text[],
    errors jsonb[],
    kind text NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    queue text DEFAULT 'default'::text NOT NULL,
    tags character varying(255)[] DEFAULT '{}'::character varying[] NOT NULL,
    unique_key bytea,
    unique_states bit(8),
    CONSTRAINT finalized_or_finalized_at_null CHECK ((((finalized_at IS NULL) AND (state <> ALL (ARRAY['cancelled'::river_job_state, 'completed'::river_job_state, 'discarded'::river_job_state]))) OR ((finalized_at IS NOT NULL) AND (state = ANY (ARRAY['cancelled'::river_job_state, 'completed'::river_job_state, 'discarded'::river_job_state]))))),
    CONSTRAINT kind_length CHECK (((char_length(kind) > 0) AND (char_length(kind) < 128))),
    CONSTRAINT max_attempts_is_positive CHECK ((max_attempts > 0)),
    CONSTRAINT priority_in_range CHECK (((priority >= 1) AND (priority <= 4))),
    CONSTRAINT queue_length CHECK (((char_length(queue) > 0) AND (char_length(queue) < 128)))
);

CREATE SEQUENCE river_job_id_seq;

ALTER SEQUENCE river_job_id_seq OWNED BY river_job.id;

CREATE UNLOGGED TABLE river_leader (
    elected_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    leader_id text NOT NULL,
    name text DEFAULT 'default'::text NOT NULL,
    CONSTRAINT leader_id_length CHECK (((char_length(leader_id) > 0) AND (char_length(leader_id) < 128))),
    CONSTRAINT name_length CHECK ((name = 'default'::text))
);

CREATE TABLE river_notification (
    id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    payload text NOT NULL,
    topic text NOT NULL,
    CONSTRAINT topic_length CHECK (((length(topic) > 0) AND (length(topic) < 128)))
);

CREATE SEQUENCE river_notification_id_seq;

ALTER SEQUENCE river_notification_id_seq OWNED BY river_notification.id;

CREATE TABLE river_queue (
    name text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    paused_at timestamp with time zone,
    updated_at timestamp with time zone DEFAULT CURRENT_TIMESTAMP NOT NULL
);

ALTER TABLE ONLY igny8_audit_events ALTER COLUMN id SET DEFAULT nextval('igny8_audit_events_id_seq'::regclass);

ALTER TABLE ONLY igny8_balance_transactions ALTER COLUMN id SET DEFAULT nextval('igny8_balance_transactions_id_seq'::regclass);

ALTER TABLE ONLY igny8_credit_alerts ALTER COLUMN id SET DEFAULT nextval('igny8_credit_alerts_id_seq'::regclass);

ALTER TABLE ONLY igny8_credit_cost_config ALTER COLUMN id SET DEFAULT nextval('igny8_credit_cost_config_id_seq'::regclass);

ALTER TABLE ONLY igny8_credit_debts ALTER COLUMN id SET DEFAULT nextval('igny8_credit_debts_id_seq'::regclass);

ALTER TABLE ONLY igny8_credit_grants ALTER COLUMN id SET DEFAULT nextval('igny8_credit_grants_id_seq'::regclass);

ALTER TABLE ONLY igny8_credit_holds ALTER COLUMN id SET DEFAULT nextval('igny8_credit_holds_id_seq'::regclass);

ALTER TABLE ONLY igny8_credit_transactions ALTER COLUMN id SET DEFAULT nextval('igny8_credit_transactions_id_seq'::regclass);

ALTER TABLE ONLY igny8_impersonations ALTER COLUMN id SET DEFAULT nextval('igny8_impersonations_id_seq'::regclass);

ALTER TABLE ONLY igny8_industries ALTER COLUMN id SET DEFAULT nextval('igny8_industries_id_seq'::regclass);

ALTER TABLE ONLY igny8_industry_sectors ALTER COLUMN id SET DEFAULT nextval('igny8_industry_sectors_id_seq'::regclass);

ALTER TABLE ONLY igny8_invitations ALTER COLUMN id SET DEFAULT nextval('igny8_invitations_id_seq'::regclass);

ALTER TABLE ONLY igny8_invoices ALTER COLUMN id SET DEFAULT nextval('igny8_invoices_id_seq'::regclass);

ALTER TABLE ONLY igny8_mail_tokens ALTER COLUMN id SET DEFAULT nextval('igny8_mail_tokens_id_seq'::regclass);

ALTER TABLE ONLY igny8_mails ALTER COLUMN id SET DEFAULT nextval('igny8_mails_id_seq'::regclass);

ALTER TABLE ONLY igny8_payment_approvals ALTER COLUMN id SET DEFAULT nextval('igny8_payment_approvals_id_seq'::regclass);

ALTER TABLE ONLY igny8_payments ALTER COLUMN id SET DEFAULT nextval('igny8_payments_id_seq'::regclass);

ALTER TABLE ONLY igny8_plans ALTER COLUMN id SET DEFAULT nextval('igny8_plans_id_seq'::regclass);

ALTER TABLE ONLY igny8_receipts ALTER COLUMN id SET DEFAULT nextval('igny8_receipts_id_seq'::regclass);

ALTER TABLE ONLY igny8_refunds ALTER COLUMN id SET DEFAULT nextval('igny8_refunds_id_seq'::regclass);

ALTER TABLE ONLY igny8_reset_requests ALTER COLUMN id SET DEFAULT nextval('igny8_reset_requests_id_seq'::regclass);

ALTER TABLE ONLY igny8_sectors ALTER COLUMN id SET DEFAULT nextval('igny8_sectors_id_seq'::regclass);

ALTER TABLE ONLY igny8_sessions ALTER COLUMN id SET DEFAULT nextval('igny8_sessions_id_seq'::regclass);

ALTER TABLE ONLY igny8_site_api_keys ALTER COLUMN id SET DEFAULT nextval('igny8_site_api_keys_id_seq'::regclass);

ALTER TABLE ONLY igny8_sites ALTER COLUMN id SET DEFAULT nextval('igny8_sites_id_seq'::regclass);

ALTER TABLE ONLY igny8_stripe_checkouts ALTER COLUMN id SET DEFAULT nextval('igny8_stripe_checkouts_id_seq'::regclass);

ALTER TABLE ONLY igny8_stripe_drifts ALTER COLUMN id SET DEFAULT nextval('igny8_stripe_drifts_id_seq'::regclass);

ALTER TABLE ONLY igny8_stripe_events ALTER COLUMN id SET DEFAULT nextval('igny8_stripe_events_id_seq'::regclass);

ALTER TABLE ONLY igny8_stripe_pushes ALTER COLUMN id SET DEFAULT nextval('igny8_stripe_pushes_id_seq'::regclass);

ALTER TABLE ONLY igny8_subscription_periods ALTER COLUMN id SET DEFAULT nextval('igny8_subscription_periods_id_seq'::regclass);

ALTER TABLE ONLY igny8_subscriptions ALTER COLUMN id SET DEFAULT nextval('igny8_subscriptions_id_seq'::regclass);

ALTER TABLE ONLY igny8_sync_events ALTER COLUMN id SET DEFAULT nextval('igny8_sync_events_id_seq'::regclass);

ALTER TABLE ONLY igny8_tenants ALTER COLUMN id SET DEFAULT nextval('igny8_tenants_id_seq'::regclass);

ALTER TABLE ONLY igny8_users ALTER COLUMN id SET DEFAULT nextval('igny8_users_id_seq'::regclass);

ALTER TABLE ONLY river_job ALTER COLUMN id SET DEFAULT nextval('river_job_id_seq'::regclass);

ALTER TABLE ONLY river_notification ALTER COLUMN id SET DEFAULT nextval('river_notification_id_seq'::regclass);

ALTER TABLE ONLY igny8_api_key_directory
    ADD CONSTRAINT igny8_api_key_directory_pkey PRIMARY KEY (lookup);

ALTER TABLE ONLY igny8_audit_events
    ADD CONSTRAINT igny8_audit_events_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY igny8_balance_transactions
    ADD CONSTRAINT igny8_balance_transactions_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY igny8_balance_transactions
    ADD CONSTRAINT igny8_balance_transactions_seq_key UNIQUE (tenant_id, seq);

ALTER TABLE ONLY igny8_billing_notices
    ADD CONSTRAINT igny8_billing_notices_pkey PRIMARY KEY (tenant_id, kind, for_at);

ALTER TABLE ONLY igny8_credit_accounts
    ADD CONSTRAINT igny8_credit_accounts_pkey PRIMARY KEY (tenant_id);

ALTER TABLE ONLY igny8_credit_alerts
    ADD CONSTRAINT igny8_credit_alerts_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY igny8_credit_cost_config
    ADD CONSTRAINT igny8_credit_cost_config_effective_key UNIQUE (operation, effective_from);

ALTER TABLE ONLY igny8_credit_cost_config
    ADD CONSTRAINT igny8_credit_cost_config_pkey PRIMARY KEY (id);

ALTER TABLE ONLY igny8_credit_debts
    ADD CONSTRAINT igny8_credit_debts_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY igny8_credit_grants
    ADD CONSTRAINT igny8_credit_grants_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY igny8_credit_holds
    ADD CONSTRAINT igny8_credit_holds_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY igny8_credit_note_numbers
    ADD CONSTRAINT igny8_credit_note_numbers_pkey PRIMARY KEY (year);

ALTER TABLE ONLY igny8_credit_requests
    ADD CONSTRAINT igny8_credit_requests_pkey PRIMARY KEY (tenant_id, operation, key);

ALTER TABLE ONLY igny8_credit_transaction_grants
    ADD CONSTRAINT igny8_credit_transaction_grants_pkey PRIMARY KEY (tenant_id, transaction_id, grant_id);

ALTER TABLE ONLY igny8_credit_transactions
    ADD CONSTRAINT igny8_credit_transactions_idempotency_key UNIQUE (tenant_id, idempotency_key);

ALTER TABLE ONLY igny8_credit_transactions
    ADD CONSTRAINT igny8_credit_transactions_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY igny8_credit_transactions
    ADD CONSTRAINT igny8_credit_transactions_seq_key UNIQUE (tenant_id, seq);

ALTER TABLE ONLY igny8_credit_usage_days
    ADD CONSTRAINT igny8_credit_usage_days_pkey PRIMARY KEY (tenant_id, day, site_id, operation);

ALTER TABLE ONLY igny8_database_marks
    ADD CONSTRAINT igny8_database_marks_pkey PRIMARY KEY (name);

ALTER TABLE ONLY igny8_external_payments
    ADD CONSTRAINT igny8_external_payments_pkey PRIMARY KEY (method, external_id);

ALTER TABLE ONLY igny8_idempotency_keys
    ADD CONSTRAINT igny8_idempotency_keys_pkey PRIMARY KEY (tenant_id, operation, key);

ALTER TABLE ONLY igny8_impersonations
    ADD CONSTRAINT igny8_impersonations_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY igny8_industries
    ADD CONSTRAINT igny8_industries_pkey PRIMARY KEY (id);

ALTER TABLE ONLY igny8_industries
    ADD CONSTRAINT igny8_industries_slug_key UNIQUE (slug);

ALTER TABLE ONLY igny8_industry_sectors
    ADD CONSTRAINT igny8_industry_sectors_industry_key UNIQUE (industry_id, id);

ALTER TABLE ONLY igny8_industry_sectors
    ADD CONSTRAINT igny8_industry_sectors_pkey PRIMARY KEY (id);

ALTER TABLE ONLY igny8_industry_sectors
    ADD CONSTRAINT igny8_industry_sectors_slug_key UNIQUE (industry_id, slug);

ALTER TABLE ONLY igny8_invitations
    ADD CONSTRAINT igny8_invitations_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY igny8_invoice_lines
    ADD CONSTRAINT igny8_invoice_lines_pkey PRIMARY KEY (tenant_id, invoice_id, "position");

ALTER TABLE ONLY igny8_invoice_numbers
    ADD CONSTRAINT igny8_invoice_numbers_pkey PRIMARY KEY (year);

ALTER TABLE ONLY igny8_invoices
    ADD CONSTRAINT igny8_invoices_number_key UNIQUE (tenant_id, number);

ALTER TABLE ONLY igny8_invoices
    ADD CONSTRAINT igny8_invoices_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY igny8_login_directory
    ADD CONSTRAINT igny8_login_directory_pkey PRIMARY KEY (email);

ALTER TABLE ONLY igny8_mail_tokens
    ADD CONSTRAINT igny8_mail_tokens_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY igny8_mails
    ADD CONSTRAINT igny8_mails_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY igny8_payment_approvals
    ADD CONSTRAINT igny8_payment_approvals_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY igny8_payments
    ADD CONSTRAINT igny8_payments_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY igny8_payments
    ADD CONSTRAINT igny8_payments_reference_key UNIQUE (tenant_id, reference);

ALTER TABLE ONLY igny8_plans
    ADD CONSTRAINT igny8_plans_pkey PRIMARY KEY (id);

ALTER TABLE ONLY igny8_plans
    ADD CONSTRAINT igny8_plans_slug_key UNIQUE (slug);

ALTER TABLE ONLY igny8_receipts
    ADD CONSTRAINT igny8_receipts_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY igny8_refunds
    ADD CONSTRAINT igny8_refunds_note_key UNIQUE (tenant_id, credit_note_id);

ALTER TABLE ONLY igny8_refunds
    ADD CONSTRAINT igny8_refunds_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY igny8_reset_requests
    ADD CONSTRAINT igny8_reset_requests_pkey PRIMARY KEY (id);

ALTER TABLE ONLY igny8_sectors
    ADD CONSTRAINT igny8_sectors_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY igny8_sessions
    ADD CONSTRAINT igny8_sessions_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY igny8_site_api_keys
    ADD CONSTRAINT igny8_site_api_keys_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY igny8_site_budgets
    ADD CONSTRAINT igny8_site_budgets_pkey PRIMARY KEY (tenant_id, site_id);

ALTER TABLE ONLY igny8_site_user_access
    ADD CONSTRAINT igny8_site_user_access_pkey PRIMARY KEY (tenant_id, site_id, user_id);

ALTER TABLE ONLY igny8_sites
    ADD CONSTRAINT igny8_sites_industry_key UNIQUE (tenant_id, id, industry_id);

ALTER TABLE ONLY igny8_sites
    ADD CONSTRAINT igny8_sites_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY igny8_slug_directory
    ADD CONSTRAINT igny8_slug_directory_pkey PRIMARY KEY (slug);

ALTER TABLE ONLY igny8_stripe_checkouts
    ADD CONSTRAINT igny8_stripe_checkouts_idempotency_key UNIQUE (tenant_id, idempotency_key);

ALTER TABLE ONLY igny8_stripe_checkouts
    ADD CONSTRAINT igny8_stripe_checkouts_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY igny8_stripe_checkouts
    ADD CONSTRAINT igny8_stripe_checkouts_session_key UNIQUE (tenant_id, session_id);

ALTER TABLE ONLY igny8_stripe_customers
    ADD CONSTRAINT igny8_stripe_customers_pkey PRIMARY KEY (customer_id);

ALTER TABLE ONLY igny8_stripe_drifts
    ADD CONSTRAINT igny8_stripe_drifts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY igny8_stripe_events
    ADD CONSTRAINT igny8_stripe_events_event_key UNIQUE (event_id);

ALTER TABLE ONLY igny8_stripe_events
    ADD CONSTRAINT igny8_stripe_events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY igny8_stripe_invoices
    ADD CONSTRAINT igny8_stripe_invoices_pkey PRIMARY KEY (tenant_id, invoice_id);

ALTER TABLE ONLY igny8_stripe_pushes
    ADD CONSTRAINT igny8_stripe_pushes_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY igny8_stripe_refunds
    ADD CONSTRAINT igny8_stripe_refunds_pkey PRIMARY KEY (tenant_id, refund_id);

ALTER TABLE ONLY igny8_stripe_subscriptions
    ADD CONSTRAINT igny8_stripe_subscriptions_pkey PRIMARY KEY (tenant_id, subscription_id);

ALTER TABLE ONLY igny8_subscription_periods
    ADD CONSTRAINT igny8_subscription_periods_end_key UNIQUE (tenant_id, end_at);

ALTER TABLE ONLY igny8_subscription_periods
    ADD CONSTRAINT igny8_subscription_periods_overlap_excl EXCLUDE USING gist (tenant_id WITH =, tstzrange(start_at, end_at) WITH &&);

ALTER TABLE ONLY igny8_subscription_periods
    ADD CONSTRAINT igny8_subscription_periods_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY igny8_subscriptions
    ADD CONSTRAINT igny8_subscriptions_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY igny8_subscriptions
    ADD CONSTRAINT igny8_subscriptions_tenant_key UNIQUE (tenant_id);

ALTER TABLE ONLY igny8_sync_events
    ADD CONSTRAINT igny8_sync_events_external_key UNIQUE (tenant_id, site_id, external_id);

ALTER TABLE ONLY igny8_sync_events
    ADD CONSTRAINT igny8_sync_events_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY igny8_tenants
    ADD CONSTRAINT igny8_tenants_pkey PRIMARY KEY (id);

ALTER TABLE ONLY igny8_users
    ADD CONSTRAINT igny8_users_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY igny8_wordpress_connections
    ADD CONSTRAINT igny8_wordpress_connections_pkey PRIMARY KEY (tenant_id, site_id);

ALTER TABLE ONLY river_job
    ADD CONSTRAINT river_job_pkey PRIMARY KEY (id);

ALTER TABLE ONLY river_leader
    ADD CONSTRAINT river_leader_pkey PRIMARY KEY (name);

ALTER TABLE ONLY river_notification
    ADD CONSTRAINT river_notification_pkey PRIMARY KEY (id);

ALTER TABLE ONLY river_queue
    ADD CONSTRAINT river_queue_pkey PRIMARY KEY (name);

CREATE INDEX igny8_audit_events_action_idx ON igny8_audit_events USING btree (tenant_id, action COLLATE "C", id);

CREATE INDEX igny8_audit_events_actor_idx ON igny8_audit_events USING btree (tenant_id, actor_id, id);

CREATE INDEX igny8_audit_events_created_idx ON igny8_audit_events USING btree (tenant_id, created_at);

CREATE INDEX igny8_audit_events_impersonation_idx ON igny8_audit_events USING btree (tenant_id, impersonation_id, id) WHERE (impersonation_id IS NOT NULL);

CREATE INDEX igny8_audit_events_subject_idx ON igny8_audit_events USING btree (tenant_id, subject_type, subject_id, id);

CREATE INDEX igny8_credit_alerts_due_idx ON igny8_credit_alerts USING btree (tenant_id) WHERE (handled_at IS NULL);

CREATE INDEX igny8_credit_grants_burn_idx ON igny8_credit_grants USING btree (tenant_id, priority, expires_at, granted_at, id) WHERE (remaining > 0);

CREATE INDEX igny8_credit_grants_due_idx ON igny8_credit_grants USING btree (expires_at) WHERE ((remaining > 0) AND (expires_at IS NOT NULL));

CREATE UNIQUE INDEX igny8_credit_grants_period_key ON igny8_credit_grants USING btree (tenant_id, period_id) WHERE (period_id IS NOT NULL);

CREATE INDEX igny8_credit_holds_due_idx ON igny8_credit_holds USING btree (expires_at) WHERE (status = 'open'::text);

CREATE INDEX igny8_credit_holds_open_idx ON igny8_credit_holds USING btree (tenant_id, expires_at) WHERE (status = 'open'::text);

CREATE INDEX igny8_credit_transactions_refunds_idx ON igny8_credit_transactions USING btree (tenant_id, refunds_id) WHERE (refunds_id IS NOT NULL);

CREATE UNIQUE INDEX igny8_impersonations_live_key ON igny8_impersonations USING btree (tenant_id, staff_tenant, staff_id) WHERE (ended_at IS NULL);

CREATE UNIQUE INDEX igny8_invitations_open_key ON igny8_invitations USING btree (tenant_id, email) WHERE ((accepted_at IS NULL) AND (revoked_at IS NULL));

CREATE INDEX igny8_invoices_issued_idx ON igny8_invoices USING btree (tenant_id, issued_at DESC, id DESC);

CREATE UNIQUE INDEX igny8_invoices_payment_key ON igny8_invoices USING btree (tenant_id, payment_id) WHERE (kind = 'invoice'::text);

CREATE INDEX igny8_mail_tokens_user_idx ON igny8_mail_tokens USING btree (tenant_id, user_id);

CREATE INDEX igny8_mails_due_idx ON igny8_mails USING btree (due_at) WHERE (sealed IS NOT NULL);

CREATE INDEX igny8_payment_approvals_created_idx ON igny8_payment_approvals USING btree (created_at);

CREATE INDEX igny8_payment_approvals_payment_idx ON igny8_payment_approvals USING btree (tenant_id, payment_id, id);

CREATE INDEX igny8_payments_asked_idx ON igny8_payments USING btree (created_at, id) WHERE ((status = 'pending'::text) OR (held_minor > 0));

CREATE INDEX igny8_payments_queue_idx ON igny8_payments USING btree (queue_later, queue_at, id) WHERE ((status = 'pending'::text) OR (held_minor > 0));

CREATE INDEX igny8_payments_status_asked_idx ON igny8_payments USING btree (status, created_at, id);

CREATE INDEX igny8_payments_status_queue_idx ON igny8_payments USING btree (status, queue_later, queue_at, id);

CREATE INDEX igny8_receipts_id_idx ON igny8_receipts USING btree (id);

CREATE INDEX igny8_receipts_payment_idx ON igny8_receipts USING btree (tenant_id, payment_id, id);

CREATE UNIQUE INDEX igny8_sectors_industry_sector_key ON igny8_sectors USING btree (tenant_id, site_id, industry_sector_id) WHERE (deleted_at IS NULL);

CREATE INDEX igny8_sectors_purge_idx ON igny8_sectors USING btree (restore_until) WHERE (deleted_at IS NOT NULL);

CREATE INDEX igny8_sessions_user_idx ON igny8_sessions USING btree (tenant_id, user_id);

CREATE INDEX igny8_site_api_keys_site_idx ON igny8_site_api_keys USING btree (tenant_id, site_id);

CREATE INDEX igny8_site_user_access_user_idx ON igny8_site_user_access USING btree (tenant_id, user_id);

CREATE INDEX igny8_sites_deleted_idx ON igny8_sites USING btree (tenant_id, deleted_at, id) WHERE ((deleted_at IS NOT NULL) AND (purged_at IS NULL));

CREATE INDEX igny8_sites_purge_idx ON igny8_sites USING btree (restore_until) WHERE ((deleted_at IS NOT NULL) AND (purged_at IS NULL));

CREATE UNIQUE INDEX igny8_sites_slug_key ON igny8_sites USING btree (tenant_id, slug) WHERE (deleted_at IS NULL);

CREATE INDEX igny8_stripe_customers_tenant_idx ON igny8_stripe_customers USING btree (tenant_id);

CREATE UNIQUE INDEX igny8_stripe_drifts_open_key ON igny8_stripe_drifts USING btree (kind, object_id) WHERE (resolved_at IS NULL);

CREATE INDEX igny8_stripe_events_open_idx ON igny8_stripe_events USING btree (status, received_at) WHERE (status = ANY (ARRAY['pending'::text, 'dead'::text]));

CREATE INDEX igny8_stripe_events_received_idx ON igny8_stripe_events USING btree (received_at DESC, id DESC);

CREATE INDEX igny8_stripe_pushes_open_idx ON igny8_stripe_pushes USING btree (tenant_id, id) WHERE (status = 'pending'::text);

CREATE INDEX igny8_stripe_subscriptions_id_idx ON igny8_stripe_subscriptions USING btree (subscription_id);

CREATE UNIQUE INDEX igny8_subscription_periods_first_key ON igny8_subscription_periods USING btree (tenant_id) WHERE (previous_end IS NULL);

CREATE INDEX igny8_subscriptions_due_idx ON igny8_subscriptions USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX igny8_sync_events_site_idx ON igny8_sync_events USING btree (tenant_id, site_id, id);

CREATE INDEX igny8_tenants_clock_idx ON igny8_tenants USING btree (id) WHERE (clock_at IS NOT NULL);

CREATE INDEX igny8_tenants_created_idx ON igny8_tenants USING btree (created_at, id);

CREATE INDEX igny8_tenants_purge_idx ON igny8_tenants USING btree (restore_until) WHERE ((deleted_at IS NOT NULL) AND (purged_at IS NULL));

CREATE UNIQUE INDEX igny8_users_email_key ON igny8_users USING btree (tenant_id, email) WHERE (deleted_at IS NULL);

CREATE INDEX igny8_users_purge_idx ON igny8_users USING btree (restore_until) WHERE ((deleted_at IS NOT NULL) AND (purged_at IS NULL));

CREATE INDEX river_job_args_index ON river_job USING gin (args);

CREATE INDEX river_job_kind ON river_job USING btree (kind);

CREATE INDEX river_job_metadata_index ON river_job USING gin (metadata);

CREATE INDEX river_job_prioritized_fetching_index ON river_job USING btree (state, queue, priority, scheduled_at, id);

CREATE INDEX river_job_state_and_finalized_at_index ON river_job USING btree (state, finalized_at) WHERE (finalized_at IS NOT NULL);

CREATE UNIQUE INDEX river_job_unique_idx ON river_job USING btree (unique_key) WHERE ((unique_key IS NOT NULL) AND (unique_states IS NOT NULL) AND river_job_state_in_bitmask(unique_states, state));

CREATE INDEX river_notification_created_at_idx ON river_notification USING btree (created_at);

CREATE INDEX river_notification_topic_id_idx ON river_notification USING btree (topic, id);

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON igny8_audit_events FOR EACH ROW EXECUTE FUNCTION igny8_audit_append_only();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON igny8_credit_requests FOR EACH ROW EXECUTE FUNCTION igny8_append_only();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON igny8_credit_transaction_grants FOR EACH ROW EXECUTE FUNCTION igny8_append_only();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON igny8_credit_transactions FOR EACH ROW EXECUTE FUNCTION igny8_append_only();

CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON igny8_audit_events FOR EACH STATEMENT EXECUTE FUNCTION igny8_audit_append_only();

CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON igny8_credit_requests FOR EACH STATEMENT EXECUTE FUNCTION igny8_append_only();

CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON igny8_credit_transaction_grants FOR EACH STATEMENT EXECUTE FUNCTION igny8_append_only();

CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON igny8_credit_transactions FOR EACH STATEMENT EXECUTE FUNCTION igny8_append_only();

ALTER TABLE ONLY igny8_api_key_directory
    ADD CONSTRAINT igny8_api_key_directory_key_fkey FOREIGN KEY (tenant_id, key_id) REFERENCES igny8_site_api_keys(tenant_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY igny8_audit_events
    ADD CONSTRAINT igny8_audit_events_impersonation_fkey FOREIGN KEY (tenant_id, impersonation_id) REFERENCES igny8_impersonations(tenant_id, id);

ALTER TABLE ONLY igny8_audit_events
    ADD CONSTRAINT igny8_audit_events_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES igny8_tenants(id);

ALTER TABLE ONLY igny8_balance_transactions
    ADD CONSTRAINT igny8_balance_transactions_payment_fkey FOREIGN KEY (tenant_id, payment_id) REFERENCES igny8_payments(tenant_id, id);

ALTER TABLE ONLY igny8_balance_transactions
    ADD CONSTRAINT igny8_balance_transactions_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES igny8_tenants(id);

ALTER TABLE ONLY igny8_billing_notices
    ADD CONSTRAINT igny8_billing_notices_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES igny8_tenants(id);

ALTER TABLE ONLY igny8_credit_accounts
    ADD CONSTRAINT igny8_credit_accounts_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES igny8_tenants(id);

ALTER TABLE ONLY igny8_credit_alerts
    ADD CONSTRAINT igny8_credit_alerts_account_fkey FOREIGN KEY (tenant_id) REFERENCES igny8_credit_accounts(tenant_id);

ALTER TABLE ONLY igny8_credit_debts
    ADD CONSTRAINT igny8_credit_debts_account_fkey FOREIGN KEY (tenant_id) REFERENCES igny8_credit_accounts(tenant_id);

ALTER TABLE ONLY igny8_credit_debts
    ADD CONSTRAINT igny8_credit_debts_payment_fkey FOREIGN KEY (tenant_id, payment_id) REFERENCES igny8_payments(tenant_id, id);

ALTER TABLE ONLY igny8_credit_debts
    ADD CONSTRAINT igny8_credit_debts_transaction_fkey FOREIGN KEY (tenant_id, transaction_id) REFERENCES igny8_credit_transactions(tenant_id, id);

ALTER TABLE ONLY igny8_credit_grants
    ADD CONSTRAINT igny8_credit_grants_payment_fkey FOREIGN KEY (tenant_id, payment_id) REFERENCES igny8_payments(tenant_id, id);

ALTER TABLE ONLY igny8_credit_grants
    ADD CONSTRAINT igny8_credit_grants_period_fkey FOREIGN KEY (tenant_id, period_id) REFERENCES igny8_subscription_periods(tenant_id, id);

ALTER TABLE ONLY igny8_credit_grants
    ADD CONSTRAINT igny8_credit_grants_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES igny8_tenants(id);

ALTER TABLE ONLY igny8_credit_holds
    ADD CONSTRAINT igny8_credit_holds_account_fkey FOREIGN KEY (tenant_id) REFERENCES igny8_credit_accounts(tenant_id);

ALTER TABLE ONLY igny8_credit_holds
    ADD CONSTRAINT igny8_credit_holds_site_fkey FOREIGN KEY (tenant_id, site_id) REFERENCES igny8_sites(tenant_id, id);

ALTER TABLE ONLY igny8_credit_holds
    ADD CONSTRAINT igny8_credit_holds_transaction_fkey FOREIGN KEY (tenant_id, transaction_id) REFERENCES igny8_credit_transactions(tenant_id, id);

ALTER TABLE ONLY igny8_credit_requests
    ADD CONSTRAINT igny8_credit_requests_account_fkey FOREIGN KEY (tenant_id) REFERENCES igny8_credit_accounts(tenant_id);

ALTER TABLE ONLY igny8_credit_requests
    ADD CONSTRAINT igny8_credit_requests_hold_fkey FOREIGN KEY (tenant_id, hold_id) REFERENCES igny8_credit_holds(tenant_id, id);

ALTER TABLE ONLY igny8_credit_requests
    ADD CONSTRAINT igny8_credit_requests_transaction_fkey FOREIGN KEY (tenant_id, transaction_id) REFERENCES igny8_credit_transactions(tenant_id, id);

ALTER TABLE ONLY igny8_credit_transaction_grants
    ADD CONSTRAINT igny8_credit_transaction_grants_grant_fkey FOREIGN KEY (tenant_id, grant_id) REFERENCES igny8_credit_grants(tenant_id, id);

ALTER TABLE ONLY igny8_credit_transaction_grants
    ADD CONSTRAINT igny8_credit_transaction_grants_transaction_fkey FOREIGN KEY (tenant_id, transaction_id) REFERENCES igny8_credit_transactions(tenant_id, id);

ALTER TABLE ONLY igny8_credit_transactions
    ADD CONSTRAINT igny8_credit_transactions_account_fkey FOREIGN KEY (tenant_id) REFERENCES igny8_credit_accounts(tenant_id);

ALTER TABLE ONLY igny8_credit_transactions
    ADD CONSTRAINT igny8_credit_transactions_refunds_fkey FOREIGN KEY (tenant_id, refunds_id) REFERENCES igny8_credit_transactions(tenant_id, id);

ALTER TABLE ONLY igny8_credit_transactions
    ADD CONSTRAINT igny8_credit_transactions_site_fkey FOREIGN KEY (tenant_id, site_id) REFERENCES igny8_sites(tenant_id, id);

ALTER TABLE ONLY igny8_credit_usage_days
    ADD CONSTRAINT igny8_credit_usage_days_account_fkey FOREIGN KEY (tenant_id) REFERENCES igny8_credit_accounts(tenant_id);

ALTER TABLE ONLY igny8_external_payments
    ADD CONSTRAINT igny8_external_payments_payment_fkey FOREIGN KEY (tenant_id, payment_id) REFERENCES igny8_payments(tenant_id, id);

ALTER TABLE ONLY igny8_idempotency_keys
    ADD CONSTRAINT igny8_idempotency_keys_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES igny8_tenants(id);

ALTER TABLE ONLY igny8_impersonations
    ADD CONSTRAINT igny8_impersonations_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES igny8_tenants(id);

ALTER TABLE ONLY igny8_industry_sectors
    ADD CONSTRAINT igny8_industry_sectors_industry_fkey FOREIGN KEY (industry_id) REFERENCES igny8_industries(id);

ALTER TABLE ONLY igny8_invitations
    ADD CONSTRAINT igny8_invitations_invited_by_fkey FOREIGN KEY (tenant_id, invited_by) REFERENCES igny8_users(tenant_id, id);

ALTER TABLE ONLY igny8_invitations
    ADD CONSTRAINT igny8_invitations_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES igny8_tenants(id);

ALTER TABLE ONLY igny8_invoice_lines
    ADD CONSTRAINT igny8_invoice_lines_invoice_fkey FOREIGN KEY (tenant_id, invoice_id) REFERENCES igny8_invoices(tenant_id, id);

ALTER TABLE ONLY igny8_invoices
    ADD CONSTRAINT igny8_invoices_payment_fkey FOREIGN KEY (tenant_id, payment_id) REFERENCES igny8_payments(tenant_id, id);

ALTER TABLE ONLY igny8_invoices
    ADD CONSTRAINT igny8_invoices_refers_fkey FOREIGN KEY (tenant_id, refers_to) REFERENCES igny8_invoices(tenant_id, id);

ALTER TABLE ONLY igny8_login_directory
    ADD CONSTRAINT igny8_login_directory_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES igny8_users(tenant_id, id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY igny8_mail_tokens
    ADD CONSTRAINT igny8_mail_tokens_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES igny8_users(tenant_id, id);

ALTER TABLE ONLY igny8_mails
    ADD CONSTRAINT igny8_mails_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES igny8_tenants(id);

ALTER TABLE ONLY igny8_payment_approvals
    ADD CONSTRAINT igny8_payment_approvals_payment_fkey FOREIGN KEY (tenant_id, payment_id) REFERENCES igny8_payments(tenant_id, id);

ALTER TABLE ONLY igny8_payment_approvals
    ADD CONSTRAINT igny8_payment_approvals_receipt_fkey FOREIGN KEY (tenant_id, receipt_id) REFERENCES igny8_receipts(tenant_id, id);

ALTER TABLE ONLY igny8_payments
    ADD CONSTRAINT igny8_payments_plan_fkey FOREIGN KEY (plan_id) REFERENCES igny8_plans(id);

ALTER TABLE ONLY igny8_payments
    ADD CONSTRAINT igny8_payments_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES igny8_tenants(id);

ALTER TABLE ONLY igny8_receipts
    ADD CONSTRAINT igny8_receipts_balance_fkey FOREIGN KEY (tenant_id, balance_seq) REFERENCES igny8_balance_transactions(tenant_id, seq);

ALTER TABLE ONLY igny8_receipts
    ADD CONSTRAINT igny8_receipts_payment_fkey FOREIGN KEY (tenant_id, payment_id) REFERENCES igny8_payments(tenant_id, id);

ALTER TABLE ONLY igny8_refunds
    ADD CONSTRAINT igny8_refunds_note_fkey FOREIGN KEY (tenant_id, credit_note_id) REFERENCES igny8_invoices(tenant_id, id);

ALTER TABLE ONLY igny8_refunds
    ADD CONSTRAINT igny8_refunds_payment_fkey FOREIGN KEY (tenant_id, payment_id) REFERENCES igny8_payments(tenant_id, id);

ALTER TABLE ONLY igny8_sectors
    ADD CONSTRAINT igny8_sectors_industry_sector_fkey FOREIGN KEY (industry_id, industry_sector_id) REFERENCES igny8_industry_sectors(industry_id, id);

ALTER TABLE ONLY igny8_sectors
    ADD CONSTRAINT igny8_sectors_removed_fkey FOREIGN KEY (tenant_id, site_id) REFERENCES igny8_sites(tenant_id, id);

ALTER TABLE ONLY igny8_sectors
    ADD CONSTRAINT igny8_sectors_site_fkey FOREIGN KEY (tenant_id, site_id, live_industry_id) REFERENCES igny8_sites(tenant_id, id, industry_id);

ALTER TABLE ONLY igny8_sessions
    ADD CONSTRAINT igny8_sessions_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES igny8_users(tenant_id, id);

ALTER TABLE ONLY igny8_site_api_keys
    ADD CONSTRAINT igny8_site_api_keys_rotated_fkey FOREIGN KEY (tenant_id, rotated_to) REFERENCES igny8_site_api_keys(tenant_id, id);

ALTER TABLE ONLY igny8_site_api_keys
    ADD CONSTRAINT igny8_site_api_keys_site_fkey FOREIGN KEY (tenant_id, site_id) REFERENCES igny8_sites(tenant_id, id);

ALTER TABLE ONLY igny8_site_budgets
    ADD CONSTRAINT igny8_site_budgets_site_fkey FOREIGN KEY (tenant_id, site_id) REFERENCES igny8_sites(tenant_id, id);

ALTER TABLE ONLY igny8_site_user_access
    ADD CONSTRAINT igny8_site_user_access_site_fkey FOREIGN KEY (tenant_id, site_id) REFERENCES igny8_sites(tenant_id, id);

ALTER TABLE ONLY igny8_site_user_access
    ADD CONSTRAINT igny8_site_user_access_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES igny8_users(tenant_id, id);

ALTER TABLE ONLY igny8_sites
    ADD CONSTRAINT igny8_sites_industry_fkey FOREIGN KEY (industry_id) REFERENCES igny8_industries(id);

ALTER TABLE ONLY igny8_sites
    ADD CONSTRAINT igny8_sites_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES igny8_tenants(id);

ALTER TABLE ONLY igny8_slug_directory
    ADD CONSTRAINT igny8_slug_directory_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES igny8_tenants(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY igny8_stripe_checkouts
    ADD CONSTRAINT igny8_stripe_checkouts_payment_fkey FOREIGN KEY (tenant_id, payment_id) REFERENCES igny8_payments(tenant_id, id);

ALTER TABLE ONLY igny8_stripe_checkouts
    ADD CONSTRAINT igny8_stripe_checkouts_plan_fkey FOREIGN KEY (plan_id) REFERENCES igny8_plans(id);

ALTER TABLE ONLY igny8_stripe_checkouts
    ADD CONSTRAINT igny8_stripe_checkouts_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES igny8_tenants(id);

ALTER TABLE ONLY igny8_stripe_customers
    ADD CONSTRAINT igny8_stripe_customers_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES igny8_tenants(id);

ALTER TABLE ONLY igny8_stripe_drifts
    ADD CONSTRAINT igny8_stripe_drifts_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES igny8_tenants(id);

ALTER TABLE ONLY igny8_stripe_events
    ADD CONSTRAINT igny8_stripe_events_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES igny8_tenants(id);

ALTER TABLE ONLY igny8_stripe_invoices
    ADD CONSTRAINT igny8_stripe_invoices_payment_fkey FOREIGN KEY (tenant_id, payment_id) REFERENCES igny8_payments(tenant_id, id);

ALTER TABLE ONLY igny8_stripe_invoices
    ADD CONSTRAINT igny8_stripe_invoices_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES igny8_tenants(id);

ALTER TABLE ONLY igny8_stripe_pushes
    ADD CONSTRAINT igny8_stripe_pushes_payment_fkey FOREIGN KEY (tenant_id, payment_id) REFERENCES igny8_payments(tenant_id, id);

ALTER TABLE ONLY igny8_stripe_pushes
    ADD CONSTRAINT igny8_stripe_pushes_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES igny8_tenants(id);

ALTER TABLE ONLY igny8_stripe_refunds
    ADD CONSTRAINT igny8_stripe_refunds_payment_fkey FOREIGN KEY (tenant_id, payment_id) REFERENCES igny8_payments(tenant_id, id);

ALTER TABLE ONLY igny8_stripe_subscriptions
    ADD CONSTRAINT igny8_stripe_subscriptions_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES igny8_tenants(id);

ALTER TABLE ONLY igny8_subscription_periods
    ADD CONSTRAINT igny8_subscription_periods_gap_fkey FOREIGN KEY (tenant_id, previous_end) REFERENCES igny8_subscription_periods(tenant_id, end_at) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY igny8_subscription_periods
    ADD CONSTRAINT igny8_subscription_periods_payment_fkey FOREIGN KEY (tenant_id, payment_id) REFERENCES igny8_payments(tenant_id, id);

ALTER TABLE ONLY igny8_subscription_periods
    ADD CONSTRAINT igny8_subscription_periods_plan_fkey FOREIGN KEY (plan_id) REFERENCES igny8_plans(id);

ALTER TABLE ONLY igny8_subscription_periods
    ADD CONSTRAINT igny8_subscription_periods_subscription_fkey FOREIGN KEY (tenant_id) REFERENCES igny8_subscriptions(tenant_id);

ALTER TABLE ONLY igny8_subscriptions
    ADD CONSTRAINT igny8_subscriptions_pending_plan_fkey FOREIGN KEY (pending_plan_id) REFERENCES igny8_plans(id);

ALTER TABLE ONLY igny8_subscriptions
    ADD CONSTRAINT igny8_subscriptions_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES igny8_tenants(id);

ALTER TABLE ONLY igny8_sync_events
    ADD CONSTRAINT igny8_sync_events_site_fkey FOREIGN KEY (tenant_id, site_id) REFERENCES igny8_sites(tenant_id, id);

ALTER TABLE ONLY igny8_tenants
    ADD CONSTRAINT igny8_tenants_owner_fkey FOREIGN KEY (id, owner_id) REFERENCES igny8_users(tenant_id, id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY igny8_tenants
    ADD CONSTRAINT igny8_tenants_plan_fkey FOREIGN KEY (plan_id) REFERENCES igny8_plans(id);

ALTER TABLE ONLY igny8_users
    ADD CONSTRAINT igny8_users_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES igny8_tenants(id);

ALTER TABLE ONLY igny8_wordpress_connections
    ADD CONSTRAINT igny8_wordpress_connections_site_fkey FOREIGN KEY (tenant_id, site_id) REFERENCES igny8_sites(tenant_id, id);

ALTER TABLE igny8_audit_events ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_balance_transactions ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_billing_notices ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_credit_accounts ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_credit_alerts ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_credit_debts ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_credit_grants ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_credit_holds ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_credit_requests ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_credit_transaction_grants ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_credit_transactions ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_credit_usage_days ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_idempotency_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_impersonations ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_invitations ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_invoice_lines ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_invoices ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_mail_tokens ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_mails ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_payment_approvals ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_payments ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_receipts ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_refunds ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_sectors ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_sessions ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_site_api_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_site_budgets ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_site_user_access ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_sites ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_stripe_checkouts ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_stripe_invoices ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_stripe_pushes ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_stripe_refunds ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_stripe_subscriptions ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_subscription_periods ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_subscriptions ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_sync_events ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_tenants ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_users ENABLE ROW LEVEL SECURITY;

ALTER TABLE igny8_wordpress_connections ENABLE ROW LEVEL SECURITY;

CREATE POLICY purge ON igny8_sectors FOR SELECT TO igny8_owner USING ((deleted_at IS NOT NULL));

CREATE POLICY purge ON igny8_sites FOR SELECT TO igny8_owner USING ((deleted_at IS NOT NULL));

CREATE POLICY purge ON igny8_users FOR SELECT TO igny8_owner USING ((deleted_at IS NOT NULL));

CREATE POLICY staff ON igny8_balance_transactions FOR SELECT USING ((current_setting('app.staff'::text, true) = 'on'::text));

CREATE POLICY staff ON igny8_credit_accounts FOR SELECT USING ((current_setting('app.staff'::text, true) = 'on'::text));

CREATE POLICY staff ON igny8_credit_alerts FOR SELECT USING ((current_setting('app.staff'::text, true) = 'on'::text));

CREATE POLICY staff ON igny8_credit_grants FOR SELECT USING ((current_setting('app.staff'::text, true) = 'on'::text));

CREATE POLICY staff ON igny8_credit_holds FOR SELECT USING ((current_setting('app.staff'::text, true) = 'on'::text));

CREATE POLICY staff ON igny8_invoice_lines FOR SELECT USING ((current_setting('app.staff'::text, true) = 'on'::text));

CREATE POLICY staff ON igny8_invoices FOR SELECT USING ((current_setting('app.staff'::text, true) = 'on'::text));

CREATE POLICY staff ON igny8_mails FOR SELECT USING ((current_setting('app.staff'::text, true) = 'on'::text));

CREATE POLICY staff ON igny8_payment_approvals FOR SELECT USING ((current_setting('app.staff'::text, true) = 'on'::text));

CREATE POLICY staff ON igny8_payments FOR SELECT USING (( SELECT (current_setting('app.staff'::text, true) = 'on'::text)));

CREATE POLICY staff ON igny8_receipts FOR SELECT USING ((current_setting('app.staff'::text, true) = 'on'::text));

CREATE POLICY staff ON igny8_refunds FOR SELECT USING ((current_setting('app.staff'::text, true) = 'on'::text));

CREATE POLICY staff ON igny8_stripe_checkouts FOR SELECT USING ((current_setting('app.staff'::text, true) = 'on'::text));

CREATE POLICY staff ON igny8_stripe_invoices FOR SELECT USING ((current_setting('app.staff'::text, true) = 'on'::text));

CREATE POLICY staff ON igny8_stripe_pushes FOR SELECT USING ((current_setting('app.staff'::text, true) = 'on'::text));

CREATE POLICY staff ON igny8_stripe_refunds FOR SELECT USING ((current_setting('app.staff'::text, true) = 'on'::text));

CREATE POLICY staff ON igny8_stripe_subscriptions FOR SELECT USING ((current_setting('app.staff'::text, true) = 'on'::text));

CREATE POLICY staff ON igny8_subscription_periods FOR SELECT USING ((current_setting('app.staff'::text, true) = 'on'::text));

CREATE POLICY staff ON igny8_subscriptions FOR SELECT USING ((current_setting('app.staff'::text, true) = 'on'::text));

CREATE POLICY staff ON igny8_tenants FOR SELECT USING (( SELECT (current_setting('app.staff'::text, true) = 'on'::text)));

CREATE POLICY tenant ON igny8_audit_events USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_balance_transactions USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_billing_notices USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_credit_accounts USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_credit_alerts USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_credit_debts USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_credit_grants USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_credit_holds USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_credit_requests USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_credit_transaction_grants USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_credit_transactions USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_credit_usage_days USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_idempotency_keys USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_impersonations USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_invitations USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_invoice_lines USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_invoices USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_mail_tokens USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_mails USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_payment_approvals USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_payments USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_receipts USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_refunds USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_sectors USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_sessions USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_site_api_keys USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_site_budgets USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_site_user_access USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_sites USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_stripe_checkouts USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_stripe_invoices USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_stripe_pushes USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_stripe_refunds USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_stripe_subscriptions USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_subscription_periods USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_subscriptions USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_sync_events USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_tenants USING ((id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_users USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

CREATE POLICY tenant ON igny8_wordpress_connections USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::bigint));

REVOKE ALL ON FUNCTION igny8_account_is_over(account bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION igny8_accounts_with_people_over(at timestamp with time zone, past bigint, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION igny8_accounts_with_people_over(at timestamp with time zone, past bigint, most integer) TO igny8_app;

REVOKE ALL ON FUNCTION igny8_purge_account(account bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION igny8_purge_account(account bigint) TO igny8_app;

REVOKE ALL ON FUNCTION igny8_purge_audit(account bigint, past bigint, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION igny8_purge_audit(account bigint, past bigint, most integer) TO igny8_app;

REVOKE ALL ON FUNCTION igny8_purge_due(at timestamp with time zone, after bigint, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION igny8_purge_due(at timestamp with time zone, after bigint, most integer) TO igny8_app;

REVOKE ALL ON FUNCTION igny8_purge_finish(account bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION igny8_purge_finish(account bigint) TO igny8_app;

REVOKE ALL ON FUNCTION igny8_purge_invoices(account bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION igny8_purge_invoices(account bigint) TO igny8_app;

REVOKE ALL ON FUNCTION igny8_purge_ledger(account bigint, past bigint, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION igny8_purge_ledger(account bigint, past bigint, most integer) TO igny8_app;

REVOKE ALL ON FUNCTION igny8_purge_people(account bigint, at timestamp with time zone, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION igny8_purge_people(account bigint, at timestamp with time zone, most integer) TO igny8_app;

REVOKE ALL ON FUNCTION igny8_purge_receipts(account bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION igny8_purge_receipts(account bigint) TO igny8_app;

REVOKE ALL ON FUNCTION igny8_purge_sites(account bigint, at timestamp with time zone, most integer, OUT sites bigint[], OUT sectors integer, OUT more boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION igny8_purge_sites(account bigint, at timestamp with time zone, most integer, OUT sites bigint[], OUT sectors integer, OUT more boolean) TO igny8_app;

REVOKE ALL ON FUNCTION igny8_purge_stripe(account bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION igny8_purge_stripe(account bigint) TO igny8_app;

REVOKE ALL ON FUNCTION igny8_purge_sync_events(account bigint, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION igny8_purge_sync_events(account bigint, most integer) TO igny8_app;

GRANT SELECT,INSERT,DELETE ON TABLE igny8_api_key_directory TO igny8_app;

GRANT SELECT,INSERT ON TABLE igny8_audit_events TO igny8_app;

GRANT USAGE ON SEQUENCE igny8_audit_events_id_seq TO igny8_app;

GRANT SELECT,INSERT ON TABLE igny8_balance_transactions TO igny8_app;

GRANT USAGE ON SEQUENCE igny8_balance_transactions_id_seq TO igny8_app;

GRANT SELECT,INSERT ON TABLE igny8_billing_notices TO igny8_app;

GRANT SELECT,INSERT,UPDATE ON TABLE igny8_credit_accounts TO igny8_app;

GRANT SELECT,INSERT,UPDATE ON TABLE igny8_credit_alerts TO igny8_app;

GRANT USAGE ON SEQUENCE igny8_credit_alerts_id_seq TO igny8_app;

GRANT SELECT,INSERT ON TABLE igny8_credit_cost_config TO igny8_app;

GRANT USAGE ON SEQUENCE igny8_credit_cost_config_id_seq TO igny8_app;

GRANT SELECT,INSERT ON TABLE igny8_credit_debts TO igny8_app;

GRANT USAGE ON SEQUENCE igny8_credit_debts_id_seq TO igny8_app;

GRANT SELECT,INSERT,UPDATE ON TABLE igny8_credit_grants TO igny8_app;

GRANT USAGE ON SEQUENCE igny8_credit_grants_id_seq TO igny8_app;

GRANT SELECT,INSERT,UPDATE ON TABLE igny8_credit_holds TO igny8_app;

GRANT USAGE ON SEQUENCE igny8_credit_holds_id_seq TO igny8_app;

GRANT SELECT,INSERT,UPDATE ON TABLE igny8_credit_note_numbers TO igny8_app;

GRANT SELECT,INSERT ON TABLE igny8_credit_requests TO igny8_app;

GRANT SELECT,INSERT ON TABLE igny8_credit_transaction_grants TO igny8_app;

GRANT SELECT,INSERT ON TABLE igny8_credit_transactions TO igny8_app;

GRANT USAGE ON SEQUENCE igny8_credit_transactions_id_seq TO igny8_app;

GRANT SELECT,INSERT,UPDATE ON TABLE igny8_credit_usage_days TO igny8_app;

GRANT SELECT ON TABLE igny8_database_marks TO igny8_app;

GRANT SELECT,INSERT ON TABLE igny8_external_payments TO igny8_app;

GRANT SELECT,INSERT ON TABLE igny8_idempotency_keys TO igny8_app;

GRANT SELECT,INSERT,UPDATE ON TABLE igny8_impersonations TO igny8_app;

GRANT USAGE ON SEQUENCE igny8_impersonations_id_seq TO igny8_app;

GRANT SELECT ON TABLE igny8_industries TO igny8_app;

GRANT SELECT ON TABLE igny8_industry_sectors TO igny8_app;

GRANT SELECT,INSERT,UPDATE ON TABLE igny8_invitations TO igny8_app;

GRANT USAGE ON SEQUENCE igny8_invitations_id_seq TO igny8_app;

GRANT SELECT,INSERT ON TABLE igny8_invoice_lines TO igny8_app;

GRANT SELECT,INSERT,UPDATE ON TABLE igny8_invoice_numbers TO igny8_app;

GRANT SELECT,INSERT ON TABLE igny8_invoices TO igny8_app;

GRANT USAGE ON SEQUENCE igny8_invoices_id_seq TO igny8_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE igny8_login_directory TO igny8_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE igny8_mail_tokens TO igny8_app;

GRANT USAGE ON SEQUENCE igny8_mail_tokens_id_seq TO igny8_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE igny8_mails TO igny8_app;

GRANT USAGE ON SEQUENCE igny8_mails_id_seq TO igny8_app;

GRANT SELECT,INSERT ON TABLE igny8_payment_approvals TO igny8_app;

GRANT USAGE ON SEQUENCE igny8_payment_approvals_id_seq TO igny8_app;

GRANT SELECT,INSERT,UPDATE ON TABLE igny8_payments TO igny8_app;

GRANT USAGE ON SEQUENCE igny8_payments_id_seq TO igny8_app;

GRANT SELECT ON TABLE igny8_plans TO igny8_app;

GRANT SELECT,INSERT ON TABLE igny8_receipts TO igny8_app;

GRANT UPDATE(used_minor) ON TABLE igny8_receipts TO igny8_app;

GRANT UPDATE(status) ON TABLE igny8_receipts TO igny8_app;

GRANT UPDATE(decided_by) ON TABLE igny8_receipts TO igny8_app;

GRANT UPDATE(decided_at) ON TABLE igny8_receipts TO igny8_app;

GRANT UPDATE(reason) ON TABLE igny8_receipts TO igny8_app;

GRANT UPDATE(return_id) ON TABLE igny8_receipts TO igny8_app;

GRANT UPDATE(balance_seq) ON TABLE igny8_receipts TO igny8_app;

GRANT USAGE ON SEQUENCE igny8_receipts_id_seq TO igny8_app;

GRANT SELECT,INSERT ON TABLE igny8_refunds TO igny8_app;

GRANT USAGE ON SEQUENCE igny8_refunds_id_seq TO igny8_app;

GRANT SELECT,INSERT,DELETE ON TABLE igny8_reset_requests TO igny8_app;

GRANT USAGE ON SEQUENCE igny8_reset_requests_id_seq TO igny8_app;

GRANT SELECT,INSERT,UPDATE ON TABLE igny8_sectors TO igny8_app;

GRANT USAGE ON SEQUENCE igny8_sectors_id_seq TO igny8_app;

GRANT SELECT,INSERT,UPDATE ON TABLE igny8_sessions TO igny8_app;

GRANT USAGE ON SEQUENCE igny8_sessions_id_seq TO igny8_app;

GRANT SELECT,INSERT,UPDATE ON TABLE igny8_site_api_keys TO igny8_app;

GRANT USAGE ON SEQUENCE igny8_site_api_keys_id_seq TO igny8_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE igny8_site_budgets TO igny8_app;

GRANT SELECT,INSERT,DELETE ON TABLE igny8_site_user_access TO igny8_app;

GRANT SELECT,INSERT,UPDATE ON TABLE igny8_sites TO igny8_app;

GRANT USAGE ON SEQUENCE igny8_sites_id_seq TO igny8_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE igny8_slug_directory TO igny8_app;

GRANT SELECT,INSERT,UPDATE ON TABLE igny8_stripe_checkouts TO igny8_app;

GRANT USAGE ON SEQUENCE igny8_stripe_checkouts_id_seq TO igny8_app;

GRANT SELECT,INSERT ON TABLE igny8_stripe_customers TO igny8_app;

GRANT SELECT,INSERT,UPDATE ON TABLE igny8_stripe_drifts TO igny8_app;

GRANT USAGE ON SEQUENCE igny8_stripe_drifts_id_seq TO igny8_app;

GRANT SELECT,INSERT,UPDATE ON TABLE igny8_stripe_events TO igny8_app;

GRANT USAGE ON SEQUENCE igny8_stripe_events_id_seq TO igny8_app;

GRANT SELECT,INSERT,UPDATE ON TABLE igny8_stripe_invoices TO igny8_app;

GRANT SELECT,INSERT,UPDATE ON TABLE igny8_stripe_pushes TO igny8_app;

GRANT USAGE ON SEQUENCE igny8_stripe_pushes_id_seq TO igny8_app;

GRANT SELECT,INSERT ON TABLE igny8_stripe_refunds TO igny8_app;

GRANT SELECT,INSERT,UPDATE ON TABLE igny8_stripe_subscriptions TO igny8_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE igny8_subscription_periods TO igny8_app;

GRANT USAGE ON SEQUENCE igny8_subscription_periods_id_seq TO igny8_app;

GRANT SELECT,INSERT,UPDATE ON TABLE igny8_subscriptions TO igny8_app;

GRANT USAGE ON SEQUENCE igny8_subscriptions_id_seq TO igny8_app;

GRANT SELECT,INSERT ON TABLE igny8_sync_events TO igny8_app;

GRANT USAGE ON SEQUENCE igny8_sync_events_id_seq TO igny8_app;

GRANT SELECT ON TABLE igny8_tenants TO igny8_app;

GRANT INSERT(id) ON TABLE igny8_tenants TO igny8_app;

GRANT INSERT(name),UPDATE(name) ON TABLE igny8_tenants TO igny8_app;

GRANT INSERT(slug),UPDATE(slug) ON TABLE igny8_tenants TO igny8_app;

GRANT INSERT(plan_id),UPDATE(plan_id) ON TABLE igny8_tenants TO igny8_app;

GRANT INSERT(owner_id),UPDATE(owner_id) ON TABLE igny8_tenants TO igny8_app;

GRANT INSERT(status),UPDATE(status) ON TABLE igny8_tenants TO igny8_app;

GRANT UPDATE(status_reason) ON TABLE igny8_tenants TO igny8_app;

GRANT INSERT(billing_email),UPDATE(billing_email) ON TABLE igny8_tenants TO igny8_app;

GRANT UPDATE(billing_address) ON TABLE igny8_tenants TO igny8_app;

GRANT UPDATE(stripe_customer_id) ON TABLE igny8_tenants TO igny8_app;

GRANT UPDATE(deletion_retention_days) ON TABLE igny8_tenants TO igny8_app;

GRANT INSERT(created_at) ON TABLE igny8_tenants TO igny8_app;

GRANT INSERT(updated_at),UPDATE(updated_at) ON TABLE igny8_tenants TO igny8_app;

GRANT UPDATE(deleted_at) ON TABLE igny8_tenants TO igny8_app;

GRANT UPDATE(deleted_by) ON TABLE igny8_tenants TO igny8_app;

GRANT UPDATE(restore_until) ON TABLE igny8_tenants TO igny8_app;

GRANT UPDATE(tax_rate) ON TABLE igny8_tenants TO igny8_app;

GRANT UPDATE(tax_id) ON TABLE igny8_tenants TO igny8_app;

GRANT UPDATE(clock_at) ON TABLE igny8_tenants TO igny8_app;

GRANT USAGE ON SEQUENCE igny8_tenants_id_seq TO igny8_app;

GRANT SELECT,INSERT,UPDATE ON TABLE igny8_users TO igny8_app;

GRANT USAGE ON SEQUENCE igny8_users_id_seq TO igny8_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE igny8_wordpress_connections TO igny8_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE river_job TO igny8_app;

GRANT USAGE ON SEQUENCE river_job_id_seq TO igny8_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE river_leader TO igny8_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE river_notification TO igny8_app;

GRANT USAGE ON SEQUENCE river_notification_id_seq TO igny8_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE river_queue TO igny8_app;
