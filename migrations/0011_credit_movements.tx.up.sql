-- Movements of credits: holds, refunds, the price that a line was charged, what an idempotency key was
-- answered with, and a ledger that not even its owner changes by mistake.

-- The price that was charged: so many credits for each started unit of so many.
alter table igny8_credit_transactions add column unit_credits bigint check (unit_credits > 0);
alter table igny8_credit_transactions add column unit_size bigint check (unit_size > 0);
-- The deduction that a refund gives back.
alter table igny8_credit_transactions add column refunds_id bigint;
alter table igny8_credit_transactions
    add constraint igny8_credit_transactions_refunds_fkey foreign key (tenant_id, refunds_id)
    references igny8_credit_transactions (tenant_id, id);
alter table igny8_credit_transactions
    add constraint igny8_credit_transactions_refunds_check check (refunds_id is null or type = 'refund');
create index igny8_credit_transactions_refunds_idx
    on igny8_credit_transactions (tenant_id, refunds_id) where refunds_id is not null;

-- Credits set aside while an operation runs. What is open adds up to igny8_credit_accounts.held.
create table igny8_credit_holds (
    tenant_id         bigint not null,
    id                bigserial,
    status            text not null default 'open' check (status in ('open', 'captured', 'released', 'expired')),
    operation         text not null check (operation in ('clustering', 'idea_generation', 'content_generation',
                                                         'image_generation', 'image_prompt_extraction')),
    quantity          bigint not null check (quantity > 0),
    amount            bigint not null check (amount > 0),
    -- The price at the time of the reservation, which the capture is charged by.
    unit_credits      bigint not null check (unit_credits > 0),
    unit_size         bigint not null check (unit_size > 0),
    site_id           bigint,
    captured_quantity bigint check (captured_quantity > 0),
    transaction_id    bigint,
    actor_kind        text not null check (actor_kind in ('user', 'staff', 'api_key', 'system')),
    actor_id          bigint,
    created_at        timestamptz not null,
    expires_at        timestamptz not null,
    closed_at         timestamptz,
    primary key (tenant_id, id),
    check (expires_at > created_at),
    check ((status = 'open') = (closed_at is null)),
    check ((status = 'captured') = (transaction_id is not null)),
    check ((transaction_id is null) = (captured_quantity is null))
);
alter table igny8_credit_holds
    add constraint igny8_credit_holds_account_fkey foreign key (tenant_id)
    references igny8_credit_accounts (tenant_id);
alter table igny8_credit_holds
    add constraint igny8_credit_holds_site_fkey foreign key (tenant_id, site_id)
    references igny8_sites (tenant_id, id);
alter table igny8_credit_holds
    add constraint igny8_credit_holds_transaction_fkey foreign key (tenant_id, transaction_id)
    references igny8_credit_transactions (tenant_id, id);
create index igny8_credit_holds_open_idx on igny8_credit_holds (tenant_id, expires_at) where status = 'open';
-- For the jobs, which look for what is due among all accounts.
create index igny8_credit_holds_due_idx on igny8_credit_holds (expires_at) where status = 'open';
create index igny8_credit_grants_due_idx on igny8_credit_grants (expires_at) where remaining > 0 and expires_at is not null;

-- What a key of a retried request was answered with: kept for ever. The balances are those after the
-- movement, so that a replay answers what the first request was told.
create table igny8_credit_requests (
    tenant_id      bigint not null,
    operation      text not null check (operation in ('spend', 'reserve', 'capture', 'release', 'refund', 'adjust')),
    key            text not null,
    fingerprint    bytea not null,
    transaction_id bigint,
    hold_id        bigint,
    balance        bigint not null check (balance >= 0),
    held           bigint not null check (held between 0 and balance),
    last_seq       bigint not null check (last_seq >= 0),
    created_at     timestamptz not null,
    constraint igny8_credit_requests_pkey primary key (tenant_id, operation, key)
);
alter table igny8_credit_requests
    add constraint igny8_credit_requests_account_fkey foreign key (tenant_id)
    references igny8_credit_accounts (tenant_id);
alter table igny8_credit_requests
    add constraint igny8_credit_requests_transaction_fkey foreign key (tenant_id, transaction_id)
    references igny8_credit_transactions (tenant_id, id);
alter table igny8_credit_requests
    add constraint igny8_credit_requests_hold_fkey foreign key (tenant_id, hold_id)
    references igny8_credit_holds (tenant_id, id);

grant select, insert, update on igny8_credit_holds to igny8_app;
grant select, insert on igny8_credit_requests to igny8_app;
grant usage on sequence igny8_credit_holds_id_seq to igny8_app;

do $$
declare
    name text;
begin
    foreach name in array array['igny8_credit_holds', 'igny8_credit_requests'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format('create policy tenant on %I using (tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::bigint)', name);
    end loop;
end $$;
-- The jobs look for due holds among all accounts; what they change, they change as each account.
create policy staff on igny8_credit_holds for select using (current_setting('app.staff', true) = 'on');

-- The application's role has no privilege to change the ledger. This stops everyone else who does it
-- by mistake; a database that cannot have the trigger keeps the promise by privilege alone.
create function igny8_append_only() returns trigger language plpgsql as $$
begin
    raise exception 'the table % is only ever added to', tg_table_name using errcode = 'integrity_constraint_violation';
end $$;
create trigger append_only before update or delete on igny8_credit_transactions
    for each row execute function igny8_append_only();
create trigger append_only_whole before truncate on igny8_credit_transactions
    for each statement execute function igny8_append_only();
create trigger append_only before update or delete on igny8_credit_transaction_grants
    for each row execute function igny8_append_only();
create trigger append_only_whole before truncate on igny8_credit_transaction_grants
    for each statement execute function igny8_append_only();
create trigger append_only before update or delete on igny8_credit_requests
    for each row execute function igny8_append_only();
create trigger append_only_whole before truncate on igny8_credit_requests
    for each statement execute function igny8_append_only();
