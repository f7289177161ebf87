-- The wall between tenants: a connection sees and writes the rows of the one account that it was
-- set to (app.tenant_id), and none while it is set to none. Forced, so that it binds the owner too.
-- The policies keep to the plain form that a sharded Postgres accepts.

do $$
declare
    name text;
begin
    foreach name in array array[
        'igny8_users', 'igny8_sessions', 'igny8_sites', 'igny8_sectors', 'igny8_site_user_access',
        'igny8_subscriptions', 'igny8_subscription_periods', 'igny8_payments', 'igny8_invoices', 'igny8_invoice_lines',
        'igny8_idempotency_keys', 'igny8_credit_accounts', 'igny8_credit_grants', 'igny8_credit_transactions',
        'igny8_credit_transaction_grants', 'igny8_audit_events'
    ] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format('create policy tenant on %I using (tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::bigint)', name);
    end loop;
end $$;

alter table igny8_tenants enable row level security;
alter table igny8_tenants force row level security;
create policy tenant on igny8_tenants using (id = nullif(current_setting('app.tenant_id', true), '')::bigint);

-- Support's view, for reading alone: accounts and their money, nothing of their content or people.
do $$
declare
    name text;
begin
    foreach name in array array[
        'igny8_tenants', 'igny8_subscriptions', 'igny8_subscription_periods', 'igny8_payments', 'igny8_invoices',
        'igny8_invoice_lines', 'igny8_credit_accounts', 'igny8_credit_grants'
    ] loop
        execute format('create policy staff on %I for select using (current_setting(''app.staff'', true) = ''on'')', name);
    end loop;
end $$;
