-- Stripe, a way to pay: what it told, what we know of its objects, and what we want it to do.

-- Every event that was signed by Stripe, once. What it says is not kept: the object is fetched again.
create table igny8_stripe_events (
    id          bigserial,
    event_id    text not null check (length(event_id) between 1 and 255),
    type        text not null check (length(type) between 1 and 255),
    livemode    boolean not null,
    api_version text not null,
    object_type text not null,
    object_id   text not null,
    created     timestamptz not null,
    received_at timestamptz not null,
    status      text not null check (status in ('pending', 'done', 'ignored', 'dead')),
    attempts    integer not null default 0 check (attempts >= 0),
    -- Why it is not done, without anything about a person.
    error       text,
    -- The account that it is about, as soon as that is known.
    tenant_id   bigint,
    -- The member of staff who had it tried again: a user of the system account.
    reviewed_by bigint,
    updated_at  timestamptz not null,
    constraint igny8_stripe_events_pkey primary key (id),
    constraint igny8_stripe_events_event_key unique (event_id)
);
alter table igny8_stripe_events
    add constraint igny8_stripe_events_tenant_fkey foreign key (tenant_id) references igny8_tenants (id);
create index igny8_stripe_events_received_idx on igny8_stripe_events (received_at desc, id desc);
create index igny8_stripe_events_open_idx on igny8_stripe_events (status, received_at) where status in ('pending', 'dead');

-- Whose a customer at Stripe is: the directory by which an event finds its account.
create table igny8_stripe_customers (
    customer_id text not null check (length(customer_id) between 1 and 255),
    tenant_id   bigint not null,
    livemode    boolean not null,
    created_at  timestamptz not null,
    constraint igny8_stripe_customers_pkey primary key (customer_id)
);
alter table igny8_stripe_customers
    add constraint igny8_stripe_customers_tenant_fkey foreign key (tenant_id) references igny8_tenants (id);
create index igny8_stripe_customers_tenant_idx on igny8_stripe_customers (tenant_id);

-- Each time that an owner went to pay at Stripe. The address of the page is not kept.
create table igny8_stripe_checkouts (
    tenant_id       bigint not null,
    id              bigserial,
    -- Absent until Stripe has answered.
    session_id      text,
    mode            text not null check (mode in ('subscription', 'payment')),
    plan_id         bigint not null,
    -- What a session of mode payment pays.
    payment_id      bigint,
    status          text not null check (status in ('started', 'open', 'complete', 'expired', 'failed')),
    subscription_id text,
    idempotency_key text not null,
    fingerprint     bytea not null,
    created_by      bigint not null,
    created_at      timestamptz not null,
    expires_at      timestamptz not null,
    updated_at      timestamptz not null,
    constraint igny8_stripe_checkouts_pkey primary key (tenant_id, id),
    constraint igny8_stripe_checkouts_session_key unique (tenant_id, session_id),
    constraint igny8_stripe_checkouts_idempotency_key unique (tenant_id, idempotency_key),
    constraint igny8_stripe_checkouts_payment_check check ((mode = 'payment') = (payment_id is not null))
);
alter table igny8_stripe_checkouts
    add constraint igny8_stripe_checkouts_tenant_fkey foreign key (tenant_id) references igny8_tenants (id);
alter table igny8_stripe_checkouts
    add constraint igny8_stripe_checkouts_plan_fkey foreign key (plan_id) references igny8_plans (id);
alter table igny8_stripe_checkouts
    add constraint igny8_stripe_checkouts_payment_fkey foreign key (tenant_id, payment_id)
    references igny8_payments (tenant_id, id);

-- A subscription at Stripe as it was seen last. version grows with each look, so that a look that was overtaken
-- by a newer one is known and repeated.
create table igny8_stripe_subscriptions (
    tenant_id       bigint not null,
    subscription_id text not null check (length(subscription_id) between 1 and 255),
    customer_id     text not null,
    status          text not null check (status <> ''),
    -- It ends with the period that it is paid for.
    cancelling      boolean not null,
    plan_slug       text not null,
    -- What a period costs, with tax.
    amount_minor    bigint not null check (amount_minor >= 0),
    currency        text not null check (currency ~ '^[A-Z]{3}$'),
    period_end      timestamptz,
    version         bigint not null check (version > 0),
    seen_at         timestamptz not null,
    created_at      timestamptz not null,
    constraint igny8_stripe_subscriptions_pkey primary key (tenant_id, subscription_id)
);
alter table igny8_stripe_subscriptions
    add constraint igny8_stripe_subscriptions_tenant_fkey foreign key (tenant_id) references igny8_tenants (id);

create index igny8_stripe_subscriptions_id_idx on igny8_stripe_subscriptions (subscription_id);

-- An invoice of such a subscription as it was seen last, with the payment of ours that it became.
create table igny8_stripe_invoices (
    tenant_id       bigint not null,
    invoice_id      text not null check (length(invoice_id) between 1 and 255),
    subscription_id text not null,
    status          text not null check (status <> ''),
    amount_minor    bigint not null check (amount_minor >= 0),
    currency        text not null check (currency ~ '^[A-Z]{3}$'),
    payment_id      bigint,
    -- When the owner was told that it could not be paid.
    told_at         timestamptz,
    seen_at         timestamptz not null,
    constraint igny8_stripe_invoices_pkey primary key (tenant_id, invoice_id)
);
alter table igny8_stripe_invoices
    add constraint igny8_stripe_invoices_tenant_fkey foreign key (tenant_id) references igny8_tenants (id);
alter table igny8_stripe_invoices
    add constraint igny8_stripe_invoices_payment_fkey foreign key (tenant_id, payment_id)
    references igny8_payments (tenant_id, id);

-- Money that went back by Stripe, once for each of its refunds.
create table igny8_stripe_refunds (
    tenant_id    bigint not null,
    refund_id    text not null check (length(refund_id) between 1 and 255),
    payment_id   bigint not null,
    amount_minor bigint not null check (amount_minor > 0),
    currency     text not null check (currency ~ '^[A-Z]{3}$'),
    created_at   timestamptz not null,
    constraint igny8_stripe_refunds_pkey primary key (tenant_id, refund_id)
);
alter table igny8_stripe_refunds
    add constraint igny8_stripe_refunds_payment_fkey foreign key (tenant_id, payment_id)
    references igny8_payments (tenant_id, id);

-- What we want Stripe to do, left with the change that makes it necessary and worked off by a job.
create table igny8_stripe_pushes (
    tenant_id       bigint not null,
    id              bigserial,
    kind            text not null check (kind in ('cancel', 'end', 'plan', 'refund')),
    subscription_id text,
    payment_id      bigint,
    wanted          jsonb not null default '{}',
    status          text not null check (status in ('pending', 'done', 'failed', 'superseded')),
    attempts        integer not null default 0 check (attempts >= 0),
    error           text,
    created_at      timestamptz not null,
    updated_at      timestamptz not null,
    constraint igny8_stripe_pushes_pkey primary key (tenant_id, id),
    constraint igny8_stripe_pushes_subject_check
        check (case kind when 'refund' then payment_id is not null else subscription_id is not null end)
);
alter table igny8_stripe_pushes
    add constraint igny8_stripe_pushes_tenant_fkey foreign key (tenant_id) references igny8_tenants (id);
alter table igny8_stripe_pushes
    add constraint igny8_stripe_pushes_payment_fkey foreign key (tenant_id, payment_id)
    references igny8_payments (tenant_id, id);
create index igny8_stripe_pushes_open_idx on igny8_stripe_pushes (tenant_id, id) where status = 'pending';

-- Where Stripe and we differ, as the comparison of both found it; about an account or about none of ours.
create table igny8_stripe_drifts (
    id          bigserial,
    kind        text not null check (kind <> ''),
    object_id   text not null check (object_id <> ''),
    tenant_id   bigint,
    ours        text not null default '',
    theirs      text not null default '',
    found_at    timestamptz not null,
    seen_at     timestamptz not null,
    resolved_at timestamptz,
    constraint igny8_stripe_drifts_pkey primary key (id)
);
alter table igny8_stripe_drifts
    add constraint igny8_stripe_drifts_tenant_fkey foreign key (tenant_id) references igny8_tenants (id);
create unique index igny8_stripe_drifts_open_key on igny8_stripe_drifts (kind, object_id) where resolved_at is null;

do $$
declare
    name text;
begin
    foreach name in array array[
        'igny8_stripe_checkouts', 'igny8_stripe_subscriptions', 'igny8_stripe_invoices', 'igny8_stripe_refunds', 'igny8_stripe_pushes'
    ] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format('create policy tenant on %I using (tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::bigint)', name);
        execute format('create policy staff on %I for select using (current_setting(''app.staff'', true) = ''on'')', name);
    end loop;
end $$;

grant select, insert, update on igny8_stripe_events, igny8_stripe_checkouts, igny8_stripe_subscriptions, igny8_stripe_invoices,
    igny8_stripe_pushes, igny8_stripe_drifts to igny8_app;
grant select, insert on igny8_stripe_customers, igny8_stripe_refunds to igny8_app;
grant usage on sequence igny8_stripe_events_id_seq, igny8_stripe_checkouts_id_seq, igny8_stripe_pushes_id_seq,
    igny8_stripe_drifts_id_seq to igny8_app;
