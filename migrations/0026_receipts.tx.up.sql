-- Bank transfers that are not the sum that was asked for, sums that two members of staff decide on, and the queue of both.

-- Each sum that came in. used is what of it went into its payment as that was confirmed. The rest is held until staff decide on it:
-- it becomes the account's balance, or goes back. Where there is no rest, all of it is used.
create table igny8_receipts (
    tenant_id    bigint not null,
    id           bigserial,
    payment_id   bigint not null,
    external_id  text not null check (external_id <> ''),
    amount_minor bigint not null check (amount_minor > 0),
    used_minor   bigint not null default 0 check (used_minor between 0 and amount_minor),
    currency     text not null check (currency ~ '^[A-Z]{3}$'),
    received_on  date not null,
    status       text not null check (status in ('held', 'used', 'credited', 'returned')),
    -- Members of staff: users of the system account.
    recorded_by  bigint not null,
    created_at   timestamptz not null,
    decided_by   bigint,
    decided_at   timestamptz,
    reason       text,
    -- The bank's id of what went back, and the line of the balance that the rest became.
    return_id    text,
    balance_seq  bigint,
    constraint igny8_receipts_pkey primary key (tenant_id, id),
    constraint igny8_receipts_used_check check ((status = 'used') = (used_minor = amount_minor)),
    constraint igny8_receipts_decided_check check ((status in ('credited', 'returned'))
        = (decided_by is not null and decided_at is not null and reason is not null)),
    constraint igny8_receipts_return_check check (return_id is null or status = 'returned'),
    constraint igny8_receipts_balance_check check ((status = 'credited') = (balance_seq is not null))
);
alter table igny8_receipts add constraint igny8_receipts_payment_fkey foreign key (tenant_id, payment_id)
    references igny8_payments (tenant_id, id);
alter table igny8_receipts add constraint igny8_receipts_balance_fkey foreign key (tenant_id, balance_seq)
    references igny8_balance_transactions (tenant_id, seq);
create index igny8_receipts_payment_idx on igny8_receipts (tenant_id, payment_id, id);
-- Staff name a receipt by its number alone.
create index igny8_receipts_id_idx on igny8_receipts (id);

-- What a member of staff said of a sum that takes two: the same from somebody else carries it out. Only ever added to.
create table igny8_payment_approvals (
    tenant_id    bigint not null,
    id           bigserial,
    payment_id   bigint not null,
    kind         text not null check (kind in ('confirmation', 'credit', 'return')),
    receipt_id   bigint,
    external_id  text,
    amount_minor bigint not null check (amount_minor > 0),
    currency     text not null check (currency ~ '^[A-Z]{3}$'),
    received_on  date,
    approved_by  bigint not null,
    created_at   timestamptz not null,
    constraint igny8_payment_approvals_pkey primary key (tenant_id, id),
    constraint igny8_payment_approvals_facts_check check (case kind
        when 'confirmation' then receipt_id is null and external_id is not null and received_on is not null
        else receipt_id is not null and received_on is null end)
);
alter table igny8_payment_approvals add constraint igny8_payment_approvals_payment_fkey foreign key (tenant_id, payment_id)
    references igny8_payments (tenant_id, id);
alter table igny8_payment_approvals add constraint igny8_payment_approvals_receipt_fkey foreign key (tenant_id, receipt_id)
    references igny8_receipts (tenant_id, id);
create index igny8_payment_approvals_payment_idx on igny8_payment_approvals (tenant_id, payment_id, id);

-- What of a payment's receipts is held, and since when.
alter table igny8_payments add column held_minor bigint not null default 0 check (held_minor >= 0);
alter table igny8_payments add column held_since timestamptz;
alter table igny8_payments add constraint igny8_payments_held_check check ((held_minor > 0) = (held_since is not null));

-- The queue: what waits for staff first, by since when it does (Payment.WaitingSince says the same), then what waits for its payer
-- alone, by when it was asked for. Columns and not expressions, which row-level security keeps from using an index.
alter table igny8_payments add column queue_later boolean generated always as
    (case when status = 'pending' then least(declared_at, held_since) else held_since end is null) stored;
alter table igny8_payments add column queue_at timestamptz generated always as
    (coalesce(case when status = 'pending' then least(declared_at, held_since) else held_since end, created_at)) stored;
drop index igny8_payments_pending_idx;
create index igny8_payments_queue_idx on igny8_payments (queue_later, queue_at, id) where status = 'pending' or held_minor > 0;
create index igny8_payments_asked_idx on igny8_payments (created_at, id) where status = 'pending' or held_minor > 0;
create index igny8_payments_status_queue_idx on igny8_payments (status, queue_later, queue_at, id);
create index igny8_payments_status_asked_idx on igny8_payments (status, created_at, id);

do $$
declare
    name text;
begin
    foreach name in array array['igny8_receipts', 'igny8_payment_approvals'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format('create policy tenant on %I using (tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::bigint)', name);
        execute format('create policy staff on %I for select using (current_setting(''app.staff'', true) = ''on'')', name);
    end loop;
end $$;
grant select, insert on igny8_receipts, igny8_payment_approvals to igny8_app;
-- What came in stays as it was recorded; what becomes of it is written once more, when that is known.
grant update (used_minor, status, decided_by, decided_at, reason, return_id, balance_seq) on igny8_receipts to igny8_app;
grant usage on sequence igny8_receipts_id_seq, igny8_payment_approvals_id_seq to igny8_app;

-- Reasons are words, and go with the account; the sums stay.
create function igny8_purge_receipts(account bigint) returns boolean
    language plpgsql security definer set search_path = public, pg_temp as $$
begin
    if not igny8_account_is_over(account) then
        return null;
    end if;
    update igny8_receipts set reason = '(deleted)' where tenant_id = account and reason <> '(deleted)';
    return true;
end $$;
revoke all on function igny8_purge_receipts(bigint) from public;
grant execute on function igny8_purge_receipts(bigint) to igny8_app;
