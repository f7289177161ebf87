-- Subscriptions with their history of periods, payments, invoices.

create extension if not exists btree_gist;

create table igny8_subscriptions (
    tenant_id              bigint not null,
    id                     bigserial,
    status                 text not null
                           check (status in ('trialing', 'pending', 'active', 'past_due', 'cancelled', 'expired')),
    payment_method         text check (payment_method in ('bank_transfer', 'stripe')),
    -- Boundary k of the periods is anchor + k months; absent until the first paid period.
    anchor                 timestamptz,
    trial_end              timestamptz,
    cancel_at_period_end   boolean not null default false,
    external_payment_id    text,
    stripe_subscription_id text,
    created_at             timestamptz not null default now(),
    updated_at             timestamptz not null default now(),
    primary key (tenant_id, id),
    -- An account has exactly one.
    constraint igny8_subscriptions_tenant_key unique (tenant_id)
);
alter table igny8_subscriptions
    add constraint igny8_subscriptions_tenant_fkey foreign key (tenant_id) references igny8_tenants (id);

create table igny8_payments (
    tenant_id           bigint not null,
    id                  bigserial,
    method              text not null check (method in ('bank_transfer', 'stripe')),
    status              text not null default 'pending'
                        check (status in ('pending', 'confirmed', 'rejected', 'expired', 'refunded', 'disputed')),
    plan_id             bigint not null,
    months              integer not null check (months between 1 and 24),
    amount_minor        bigint not null check (amount_minor > 0),
    currency            text not null check (currency ~ '^[A-Z]{3}$'),
    reference           text not null,
    instructions        text not null default '',
    requested_by        bigint not null,
    expires_at          timestamptz not null,
    declared_at         timestamptz,
    sent_on             date,
    payer_name          text,
    proof_url           text,
    external_payment_id text,
    received_on         date,
    decided_at          timestamptz,
    -- The member of staff who confirmed or rejected: a user of the system account.
    decided_by          bigint,
    rejection_reason    text,
    created_at          timestamptz not null default now(),
    updated_at          timestamptz not null default now(),
    primary key (tenant_id, id),
    constraint igny8_payments_reference_key unique (tenant_id, reference),
    check (status not in ('confirmed', 'refunded', 'disputed')
           or (external_payment_id is not null and received_on is not null and decided_at is not null)),
    check (status <> 'rejected' or (rejection_reason is not null and decided_at is not null))
);
alter table igny8_payments
    add constraint igny8_payments_tenant_fkey foreign key (tenant_id) references igny8_tenants (id);
alter table igny8_payments
    add constraint igny8_payments_plan_fkey foreign key (plan_id) references igny8_plans (id);
create index igny8_payments_pending_idx on igny8_payments (created_at, id) where status = 'pending';

-- A payment's id at the bank or at Stripe counts once, whoever's account it was used for.
create table igny8_external_payments (
    method      text not null check (method in ('bank_transfer', 'stripe')),
    external_id text not null,
    tenant_id   bigint not null,
    payment_id  bigint not null,
    created_at  timestamptz not null default now(),
    constraint igny8_external_payments_pkey primary key (method, external_id)
);
alter table igny8_external_payments
    add constraint igny8_external_payments_payment_fkey foreign key (tenant_id, payment_id)
    references igny8_payments (tenant_id, id);

-- The history of periods, half-open [start_at, end_at). Two constraints make it a chain: no two
-- periods of an account overlap, and each but the first starts at the end of another.
create table igny8_subscription_periods (
    tenant_id    bigint not null,
    id           bigserial,
    kind         text not null check (kind in ('trial', 'paid', 'free', 'assigned', 'opening', 'lapsed')),
    plan_id      bigint not null,
    start_at     timestamptz not null,
    end_at       timestamptz not null,
    previous_end timestamptz,
    payment_id   bigint,
    created_at   timestamptz not null default now(),
    primary key (tenant_id, id),
    check (start_at < end_at),
    check (previous_end = start_at),
    check ((kind = 'paid') = (payment_id is not null)),
    constraint igny8_subscription_periods_end_key unique (tenant_id, end_at),
    constraint igny8_subscription_periods_overlap_excl
        exclude using gist (tenant_id with =, tstzrange(start_at, end_at) with &&)
);
alter table igny8_subscription_periods
    add constraint igny8_subscription_periods_subscription_fkey foreign key (tenant_id)
    references igny8_subscriptions (tenant_id);
alter table igny8_subscription_periods
    add constraint igny8_subscription_periods_plan_fkey foreign key (plan_id) references igny8_plans (id);
alter table igny8_subscription_periods
    add constraint igny8_subscription_periods_payment_fkey foreign key (tenant_id, payment_id)
    references igny8_payments (tenant_id, id);
-- A gap is impossible: a period's start is its predecessor's end. Deferred to the commit, because a
-- payment moves the trial's end and appends its own period in one transaction.
alter table igny8_subscription_periods
    add constraint igny8_subscription_periods_gap_fkey foreign key (tenant_id, previous_end)
    references igny8_subscription_periods (tenant_id, end_at) deferrable initially deferred;
-- For the look for paid periods that have begun and not been granted their credits.
create index igny8_subscription_periods_due_idx on igny8_subscription_periods (end_at) where kind = 'paid';
-- Only the first period may stand without a predecessor.
create unique index igny8_subscription_periods_first_key
    on igny8_subscription_periods (tenant_id) where previous_end is null;

create table igny8_invoice_numbers (
    year        integer primary key check (year between 2000 and 9999),
    last_number bigint not null check (last_number > 0)
);

create table igny8_invoices (
    tenant_id   bigint not null,
    id          bigserial,
    number      text not null,
    payment_id  bigint not null,
    total_minor bigint not null,
    currency    text not null check (currency ~ '^[A-Z]{3}$'),
    issued_at   timestamptz not null,
    created_at  timestamptz not null default now(),
    primary key (tenant_id, id),
    constraint igny8_invoices_number_key unique (tenant_id, number),
    constraint igny8_invoices_payment_key unique (tenant_id, payment_id)
);
alter table igny8_invoices
    add constraint igny8_invoices_payment_fkey foreign key (tenant_id, payment_id)
    references igny8_payments (tenant_id, id);

create table igny8_invoice_lines (
    tenant_id    bigint not null,
    invoice_id   bigint not null,
    position     integer not null check (position > 0),
    description  text not null,
    period_start timestamptz not null,
    period_end   timestamptz not null,
    amount_minor bigint not null,
    primary key (tenant_id, invoice_id, position)
);
alter table igny8_invoice_lines
    add constraint igny8_invoice_lines_invoice_fkey foreign key (tenant_id, invoice_id)
    references igny8_invoices (tenant_id, id);

-- What a key of a retried request stood for: kept for ever.
create table igny8_idempotency_keys (
    tenant_id   bigint not null,
    operation   text not null,
    key         text not null,
    fingerprint bytea not null,
    subject_id  bigint not null,
    created_at  timestamptz not null default now(),
    constraint igny8_idempotency_keys_pkey primary key (tenant_id, operation, key)
);
alter table igny8_idempotency_keys
    add constraint igny8_idempotency_keys_tenant_fkey foreign key (tenant_id) references igny8_tenants (id);

grant select, insert, update on igny8_subscriptions, igny8_payments, igny8_invoice_numbers to igny8_app;
grant select, insert, update on igny8_subscription_periods to igny8_app;
grant select, insert on igny8_external_payments, igny8_invoices, igny8_invoice_lines, igny8_idempotency_keys to igny8_app;
grant usage on sequence igny8_subscriptions_id_seq, igny8_payments_id_seq, igny8_subscription_periods_id_seq,
    igny8_invoices_id_seq to igny8_app;
